// SPDX-License-Identifier: Apache-2.0
// Pulls an image and runs a command in a container of its own machine:
//   01_run KERNEL MODULES 127.0.0.1:5000/debian:demo cat /etc/os-release
#include <cstdio>
#include <vector>

#include <vmkit/vmkit.hpp>

int main(int argc, char** argv) try {
  using namespace vmkit;
  if (argc < 5) return std::fputs("usage: 01_run KERNEL MODULES IMAGE COMMAND...\n", stderr), 2;

  auto store = oci::ImageStore::open("vmkit-store");
  auto reference = oci::Reference::parse(argv[3]);
  // Plain HTTP for a registry on this machine only.
  bool local = reference.registry().starts_with("127.0.0.1:");
  oci::RegistryClient registry({.defaults = {.plain_http = local}});
  auto image = oci::pull(registry, store, reference);

  auto box = container::Container::create({.image = image,
                                           .store = store,
                                           .folder = "vmkit-container",
                                           .backend = vm::make_qemu_backend(),
                                           .kernel = {.image = argv[1], .modules = argv[2]}});
  box.start();
  auto process = box.exec({.args = {argv + 4, argv + argc}});

  std::vector<std::byte> buffer(65536);
  while (auto count = process.stdout_source().read(buffer)) {
    std::fwrite(buffer.data(), 1, count, stdout);
  }
  auto status = process.wait();
  box.stop();
  return status.exited() ? status.code : 128 + status.signal;
} catch (const vmkit::Error& error) {
  std::fprintf(stderr, "01_run: %s\n", error.what());
  return 125;
}
