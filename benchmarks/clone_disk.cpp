// SPDX-License-Identifier: Apache-2.0
// clone_disk SOURCE TARGET: clones a disk copy-on-write as a container's is cloned, and prints the
// time in milliseconds as JSON. Used by scripts/bench.
#include <chrono>
#include <cstdio>
#include <exception>

#include <vmkit/disk/clone.hpp>

int main(int argc, char** argv) try {
  using namespace vmkit;
  if (argc != 3) {
    std::fprintf(stderr, "usage: clone_disk SOURCE TARGET\n");
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  disk::clone(argv[1], argv[2], {.mode = disk::CloneMode::require_cow, .durable = false});
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  std::printf("{\"total_ms\": %.2f}\n", time.count());
} catch (const std::exception& error) {
  std::fprintf(stderr, "clone_disk: %s\n", error.what());
  return 1;
}
