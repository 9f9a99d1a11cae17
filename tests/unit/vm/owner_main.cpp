// SPDX-License-Identifier: Apache-2.0
// FOLDER [DISK]: starts a machine below the folder, prints QEMU's process id and the machine's own
// folder, and waits to be killed. With a disk the machine has that, and outlives this program.
#include <cstdio>
#include <unistd.h>

#include "support/backend_in_test.hpp"
#include "support/test_guest.hpp"

int main(int count, char** arguments) {
  const bool outlives = count > 2;
  const auto backend =
      vmkit::test::make_backend({.runtime_directory = arguments[1], .outlives_owner = outlives});
  auto config = vmkit::test::guest_config("owned", "echo");
  if (outlives) config.disks = {{.path = arguments[2], .identifier = "kept"}};
  vmkit::vm::Machine machine = backend->create(config);
  machine.start();
  const auto diagnostics = machine.diagnostics();
  std::printf("%lld %s\n", static_cast<long long>(diagnostics.process_id.value()),
              diagnostics.folder.c_str());
  std::fflush(stdout);
  for (;;) ::pause();
}
