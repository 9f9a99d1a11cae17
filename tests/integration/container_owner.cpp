// SPDX-License-Identifier: Apache-2.0
// A host application: container_owner STORE REFERENCE KERNEL MODULES FOLDER makes a container that
// is kept, has it write /data, prints QEMU's process id and waits to be killed.
#include <cstdio>
#include <unistd.h>

#include <vmkit/container/container.hpp>
#include <vmkit/vm/qemu_backend.hpp>

int main(int, char** arguments) {
  using namespace vmkit;
  const auto store = oci::ImageStore::open(arguments[1]);
  const std::filesystem::path folder = arguments[5];
  auto box = container::Container::create(
      {.image = store.resolve(oci::Reference::parse(arguments[2])).value(),
       .store = store,
       .folder = folder,
       .backend = vm::make_qemu_backend({.runtime_directory = folder.parent_path()}),
       .kernel = {.image = arguments[3], .modules = arguments[4]},
       .hostname = "owned",
       .keep = true});
  box.start();
  box.exec({.args = {"sh", "-c", "echo mine >/data; sync"}}).wait();
  std::printf("%lld\n", static_cast<long long>(box.diagnostics().process_id.value()));
  std::fflush(stdout);
  for (;;) ::pause();
}
