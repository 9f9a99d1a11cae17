// SPDX-License-Identifier: Apache-2.0
// Takes a snapshot of a container's disk, breaks the container, and goes back:
//   06_snapshot KERNEL MODULES 127.0.0.1:5000/debian:demo
#include <cstdio>

#include <vmkit/vmkit.hpp>

using namespace vmkit;

namespace {

/// Starts the container, runs one command in it, and stops it.
int run(const container::ContainerOptions& options, const char* command) {
  auto box = container::Container::open(options);
  box.start();
  auto process = box.exec({.args = {"sh", "-c", command}});
  std::vector<std::byte> buffer(65536);
  while (const auto count = process.stdout_source().read(buffer)) {
    std::fwrite(buffer.data(), 1, count, stdout);
  }
  const int status = process.wait().code;
  box.stop();
  return status;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) return std::fputs("usage: 06_snapshot KERNEL MODULES IMAGE\n", stderr), 2;
  auto store = oci::ImageStore::open("vmkit-store");
  const auto reference = oci::Reference::parse(argv[3]);
  const bool local = reference.registry().starts_with("127.0.0.1:");
  oci::RegistryClient registry({.defaults = {.plain_http = local}});

  // One that is kept outlives the object: its disk has a journal, and can be opened again.
  container::ContainerOptions options{.image = oci::pull(registry, store, reference),
                                      .store = store,
                                      .folder = "vmkit-box",
                                      .backend = vm::make_qemu_backend(),
                                      .kernel = {.image = argv[1], .modules = argv[2]}};
  options.keep = true;
  container::Container::create(options);
  run(options, "echo precious > /root/data");

  const disk::Snapshots snapshots(container::container_disk(options.folder));
  snapshots.create("before");
  run(options, "rm -r /root /bin/rm; ls /root 2>/dev/null | wc -l");
  snapshots.restore("before");
  const int status = run(options, "cat /root/data; test -e /bin/rm");

  container::Container::open(options).remove();
  return status;
} catch (const Error& error) {
  std::fprintf(stderr, "06_snapshot: %s\n", error.what());
  return 125;
}
