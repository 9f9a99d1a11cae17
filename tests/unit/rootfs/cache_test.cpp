// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "support/e2fsck.hpp"
#include "unit/rootfs/test_layers.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/rootfs/cache.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

namespace {

const rootfs::UnpackOptions small = {.size = 16_MiB};

/// Counts how often it is opened.
rootfs::Layer counted_layer(std::atomic<int>& opened) {
  const std::string tar = tar_of({{.name = "a", .data = std::string(1 << 20, 'a')}});
  const std::string blob = gzip(tar);
  return {.diff_id = digest_of(tar), .open = [blob, &opened] {
            ++opened;
            return std::make_unique<MemorySource>(blob, 1000);
          }};
}

std::size_t disks_in(const fs::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("cache: unpacks once, for each size") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-cache");
  std::atomic<int> opened{0};
  const std::vector<rootfs::Layer> layers = {counted_layer(opened)};
  const Digest chain = rootfs::chain_id(layers);
  const rootfs::Cache cache(folder.path() / "store" / "rootfs");
  CHECK_FALSE(cache.find(chain, small));
  const rootfs::CachedDisk first = cache.get_or_unpack(layers, small);
  CHECK(first.unpacked.has_value());
  CHECK(first.path.filename().string().starts_with(chain.hex()));
  CHECK(e2fsck_complaints(first.path.string()) == "");
  const rootfs::CachedDisk second = cache.get_or_unpack(layers, small);
  CHECK_FALSE(second.unpacked.has_value());
  CHECK(second.path == first.path);
  CHECK(cache.find(chain, small).value().path == first.path);
  CHECK(opened == 1);

  const rootfs::CachedDisk larger = cache.get_or_unpack(layers, {.size = 32_MiB});
  CHECK(larger.path != first.path);
  CHECK(fs::file_size(larger.path) == 32 << 20);
  const rootfs::CachedDisk journal =
      cache.get_or_unpack(layers, {.size = 16_MiB, .journal = 4_MiB});
  CHECK(journal.path != first.path);
  CHECK(opened == 3);
}

TEST_CASE("cache: several threads and processes unpack once between them") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-cache");
  std::atomic<int> opened{0};
  const std::vector<rootfs::Layer> layers = {counted_layer(opened)};
  // Before any thread of ours: children that use the cache and say whether they unpacked.
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::alarm(60);
      int status = 2;
      try {
        const rootfs::Cache cache(folder.path());
        status = cache.get_or_unpack(layers, small).unpacked ? 1 : 0;
      } catch (const Error&) {
        status = 3;
      }
      ::_exit(status);
    }
    children.push_back(child);
  }
  const rootfs::Cache cache(folder.path());
  std::atomic<int> unpacked{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      if (cache.get_or_unpack(layers, small).unpacked) ++unpacked;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) <= 1);
    unpacked += WEXITSTATUS(status);
  }
  CHECK(unpacked == 1);
  CHECK(disks_in(folder.path()) == 1);
}

TEST_CASE("cache: what a killed process left is removed, what is being made is not") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-cache");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(60);
    const std::string tar = tar_of({{.name = "a"}});
    const rootfs::Layer layer{.diff_id = digest_of(tar), .open = []() -> std::unique_ptr<Source> {
                                ::kill(::getpid(), SIGKILL);
                                return nullptr;
                              }};
    const rootfs::Cache cache(folder.path());
    cache.get_or_unpack(std::vector{layer}, small);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(disks_in(folder.path()) == 1);

  std::atomic<int> opened{0};
  std::vector<rootfs::Layer> layers = {counted_layer(opened)};
  const rootfs::Cache cache(folder.path());
  CHECK(disks_in(folder.path()) == 0);
  // Another one that opens the folder meanwhile must not disturb the work.
  const auto open = layers[0].open;
  layers[0].open = [&] {
    CHECK(disks_in(folder.path()) == 1);
    const rootfs::Cache other(folder.path());
    CHECK(disks_in(folder.path()) == 1);
    return open();
  };
  CHECK(cache.get_or_unpack(layers, small).unpacked.has_value());
  CHECK(disks_in(folder.path()) == 1);
}

TEST_CASE("cache: a failure leaves nothing and the next try works") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-cache");
  const rootfs::Cache cache(folder.path());
  const std::string tar = tar_of({{.name = "a"}});
  std::vector<rootfs::Layer> layers = {layer_of(tar, gzip(tar).substr(0, 30))};
  CHECK_THROWS_AS(cache.get_or_unpack(layers, small), Error);
  CHECK(disks_in(folder.path()) == 0);
  layers = {gzip_layer(tar)};
  CHECK(cache.get_or_unpack(layers, small).unpacked.has_value());
}
