// SPDX-License-Identifier: Apache-2.0
// Clones an unpacked image a hundred times and tells what that took: on a file system that can
// clone (XFS, btrfs, APFS), next to nothing. Elsewhere it makes one copy and says so.
//   05_clone 127.0.0.1:5000/debian:demo [COUNT]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <vmkit/vmkit.hpp>

int main(int argc, char** argv) try {
  using namespace vmkit;
  if (argc < 2) return std::fputs("usage: 05_clone IMAGE [COUNT]\n", stderr), 2;
  const int count = argc > 2 ? std::atoi(argv[2]) : 100;
  auto store = oci::ImageStore::open("vmkit-store");
  const auto reference = oci::Reference::parse(argv[1]);
  const bool local = reference.registry().starts_with("127.0.0.1:");
  oci::RegistryClient registry({.defaults = {.plain_http = local}});

  // The layers are unpacked while they come, into a disk that nobody writes again.
  const auto unpacked = container::pull_and_unpack(registry, store, reference);

  std::filesystem::create_directories("clones");
  std::vector<std::filesystem::path> disks = {unpacked.disk.path};
  disk::CloneMethod method = disk::CloneMethod::cow;
  const auto begin = std::chrono::steady_clock::now();
  // Where nothing is shared, one is enough to see that.
  for (int i = 0; i < count && method == disk::CloneMethod::cow; ++i) {
    disks.push_back("clones/" + std::to_string(i) + ".ext4");
    method = disk::clone(disks[0], disks.back(), {.durable = false});
  }
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begin;
  std::printf(
      "%zu clones in %.0f ms, %s\n", disks.size() - 1, taken.count(),
      method == disk::CloneMethod::cow ? "copy-on-write" : "copied: this file system cannot clone");

  // What clones share counts once; adding up what `du` says of each would count it every time.
  const disk::UsageReport usage = disk::usage(disks);
  std::printf("the image's disk: %s for itself, %s shared\n",
              to_string(usage.disks[0].exclusive).c_str(),
              to_string(usage.disks[0].shared).c_str());
  std::printf("all %zu disks together: %s\n", disks.size(), to_string(usage.total).c_str());
  std::filesystem::remove_all("clones");
} catch (const vmkit::Error& error) {
  std::fprintf(stderr, "05_clone: %s\n", error.what());
  return 125;
}
