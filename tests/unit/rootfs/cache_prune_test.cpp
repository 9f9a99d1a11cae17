// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "unit/rootfs/test_layers.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/rootfs/cache.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

namespace {

const rootfs::UnpackOptions small = {.size = 16_MiB};

/// A cache with the disks a, b and c, last used in that order, of some 2 MiB each.
struct PruneFixture {
  PruneFixture() {
    int hours = 3;
    for (const char* name : {"a", "b", "c"}) {
      paths.push_back(cache.get_or_unpack(image(name), small).path);
      fs::last_write_time(paths.back(),
                          fs::file_time_type::clock::now() - std::chrono::hours(hours--));
    }
  }

  static std::vector<rootfs::Layer> image(const std::string& name) {
    return {gzip_layer(tar_of({{.name = name, .data = std::string(2 << 20, name[0])}}))};
  }
  /// "abc": which disks there are.
  std::string present() const {
    std::string names;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (fs::exists(paths[i])) names += static_cast<char>('a' + i);
    }
    return names;
  }

  os::TemporaryDirectory folder{fs::temp_directory_path(), "vmkit-cache"};
  rootfs::Cache cache{folder.path()};
  std::vector<fs::path> paths;
};

}  // namespace

TEST_CASE_FIXTURE(PruneFixture, "cache: what is least recently used goes first") {
  const auto entries = cache.list();
  REQUIRE(entries.size() == 3);
  CHECK(entries.front().path == paths[2]);
  CHECK(entries.front().chain_id == rootfs::chain_id(image("c")));
  CHECK(cache.usage().total > 6_MiB);
  CHECK(cache.prune({}).removed.empty());
  CHECK(cache.prune({.limit = 100_MiB}).removed.empty());

  const rootfs::PruneReport would = cache.prune({.limit = 5_MiB, .dry_run = true});
  CHECK(would.removed.size() == 1);
  CHECK(present() == "abc");
  cache.find(rootfs::chain_id(image("a")), small);  // now b is the one not used for longest
  const rootfs::PruneReport report = cache.prune({.limit = 5_MiB});
  REQUIRE(report.removed.size() == 1);
  CHECK(report.removed.front().path == paths[1]);
  CHECK(report.freed > 2_MiB);
  CHECK(report.freed < 3_MiB);
  CHECK(present() == "ac");
  CHECK(cache.get_or_unpack(image("b"), small).unpacked.has_value());
  CHECK(cache.prune({.limit = 0_B}).removed.size() == 3);
  CHECK(present() == "");
}

TEST_CASE_FIXTURE(PruneFixture, "cache: what is unwanted goes, and what no version of now finds") {
  const Digest chain = rootfs::chain_id(image("c"));
  const auto old = folder.path() / (chain.hex() + ".v1-1024.ext4");
  os::write_file_atomically(old, "old");
  const auto strange = folder.path() / "notes.ext4";
  os::write_file_atomically(strange, "not ours");
  const auto report = cache.prune({.unwanted = [&](const rootfs::CacheEntry& entry) {
    return entry.chain_id == rootfs::chain_id(image("b"));
  }});
  CHECK(report.removed.size() == 2);
  CHECK(present() == "ac");
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(strange));
}

TEST_CASE_FIXTURE(PruneFixture, "cache: a lease keeps a disk, of any process, until that ends") {
  const auto held = cache.find(rootfs::chain_id(image("a")), small);
  REQUIRE(held.has_value());
  int to_child[2];
  int from_child[2];
  REQUIRE(::pipe(to_child) == 0);
  REQUIRE(::pipe(from_child) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(60);
    const auto theirs = cache.find(rootfs::chain_id(image("b")), small);
    char byte = theirs ? 'y' : 'n';
    (void)!::write(from_child[1], &byte, 1);
    (void)!::read(to_child[0], &byte, 1);
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(from_child[0], &byte, 1) == 1);
  REQUIRE(byte == 'y');
  CHECK(cache.prune({.limit = 0_B}).removed.size() == 1);
  CHECK(present() == "ab");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (const int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) ::close(fd);
  CHECK(cache.prune({.limit = 0_B}).removed.size() == 1);
  CHECK(present() == "a");
}

TEST_CASE_FIXTURE(PruneFixture, "cache: a limit holds by itself") {
  const rootfs::Cache limited(folder.path(), {.limit = 5_MiB});
  const auto fresh = limited.get_or_unpack(image("d"), small);
  CHECK(fs::exists(fresh.path));
  CHECK(present() == "c");
}
