// SPDX-License-Identifier: Apache-2.0
// pull_image pull|unpack STORE REFERENCE: pulls the image over plain HTTP into the store, or pulls
// and unpacks it at once, and prints one line of JSON with the time in milliseconds and the peak
// memory. Used by scripts/bench.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <sys/resource.h>

#include <vmkit/container/pull_and_unpack.hpp>

int main(int argc, char** argv) try {
  using namespace vmkit;
  const bool unpack = argc == 4 && std::strcmp(argv[1], "unpack") == 0;
  if (argc != 4 || (!unpack && std::strcmp(argv[1], "pull") != 0)) {
    std::fprintf(stderr, "usage: pull_image pull|unpack STORE REFERENCE\n");
    return 2;
  }
  auto store = oci::ImageStore::open(argv[2]);
  oci::RegistryClient client({.defaults = {.plain_http = true}});
  const auto reference = oci::Reference::parse(argv[3]);
  const auto start = std::chrono::steady_clock::now();
  if (unpack) {
    container::pull_and_unpack(client, store, reference);
  } else {
    oci::pull(client, store, reference);
  }
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"ms\":%.1f,\"peak_mib\":%.1f}\n", time.count(),
              static_cast<double>(usage.ru_maxrss) / 1024);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "pull_image: %s\n", error.what());
  return 1;
}
