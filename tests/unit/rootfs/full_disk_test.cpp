// SPDX-License-Identifier: Apache-2.0
// Needs root: unpacks onto a small file system until it is full.
#include <doctest/doctest.h>
#include <filesystem>
#include <random>
#include <string>

#include "os/directory.hpp"
#include "unit/rootfs/peers.hpp"
#include "unit/rootfs/test_layers.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/rootfs/cache.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

TEST_CASE("full disk: a clear error, nothing left, and room again") {
  if (!have_peers()) return;
  const os::TemporaryDirectory work(fs::temp_directory_path(), "vmkit-full");
  const Mount mount({"-t", "tmpfs", "-o", "size=12m", "tmpfs"}, work.path() / "mnt");
  std::string data(20 << 20, '\0');
  std::string expected;
  SUBCASE("seen when it happens") {
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i % 251);
    expected = "No space left on device";
  }
  SUBCASE("seen before anything is written, where the compressed layers say enough") {
    std::mt19937 random(1);
    for (char& c : data) c = static_cast<char>(random());
    expected = "not enough free space: needs 20 MiB, ";
  }
  const std::vector<rootfs::Layer> large = {gzip_layer(tar_of({{.name = "a", .data = data}}))};
  const rootfs::Cache cache(work.path() / "mnt");
  for (int i = 0; i < 3; ++i) {
    try {
      cache.get_or_unpack(large, {.size = 1_GiB});
      FAIL("expected resource_exhausted");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::resource_exhausted);
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find(expected) != std::string::npos);
      CHECK(message.find("too small") == std::string::npos);
    }
    for (const auto& entry : fs::directory_iterator(work.path() / "mnt")) {
      CHECK(entry.path().filename() == "locks");
    }
  }
  const std::vector<rootfs::Layer> small = {gzip_layer(tar_of({{.name = "a", .data = "x"}}))};
  CHECK(cache.get_or_unpack(small, {.size = 1_GiB}).unpacked.has_value());
}
