// SPDX-License-Identifier: Apache-2.0
// Works on a folder of the host in a container: what is there is seen at once on both sides.
//   07_share KERNEL MODULES 127.0.0.1:5000/debian:demo FOLDER COMMAND...
#include <cstdio>

#include <vmkit/vmkit.hpp>

int main(int argc, char** argv) try {
  using namespace vmkit;
  if (argc < 6) {
    return std::fputs("usage: 07_share KERNEL MODULES IMAGE FOLDER COMMAND...\n", stderr), 2;
  }
  auto store = oci::ImageStore::open("vmkit-store");
  const auto reference = oci::Reference::parse(argv[3]);
  const bool local = reference.registry().starts_with("127.0.0.1:");
  oci::RegistryClient registry({.defaults = {.plain_http = local}});
  container::ContainerOptions options{.image = oci::pull(registry, store, reference),
                                      .store = store,
                                      .folder = "vmkit-container",
                                      .backend = vm::make_qemu_backend(),
                                      .kernel = {.image = argv[1], .modules = argv[2]}};
  // Over virtiofs or 9p, whichever host and kernel can do; read-only would be enforced outside of
  // the machine.
  options.host_mounts = {{.path = argv[4], .target = "/srv/project"}};
  auto box = container::Container::create(options);
  box.start();

  auto process = box.exec({.args = {argv + 5, argv + argc}, .working_directory = "/srv/project"});
  std::vector<std::byte> buffer(65536);
  while (const auto count = process.stdout_source().read(buffer)) {
    std::fwrite(buffer.data(), 1, count, stdout);
  }
  const auto status = process.wait();
  box.stop();
  return status.exited() ? status.code : 128 + status.signal;
} catch (const vmkit::Error& error) {
  std::fprintf(stderr, "07_share: %s\n", error.what());
  return 125;
}
