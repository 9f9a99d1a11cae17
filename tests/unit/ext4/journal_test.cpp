// SPDX-License-Identifier: Apache-2.0
// Needs root: images copied while the kernel has them mounted, whose journal has to be replayed.
#include <algorithm>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "ext4/read/journal_log.hpp"
#include "os/descriptor.hpp"
#include "support/errors.hpp"
#include "support/image_tree.hpp"
#include "unit/ext4/image.hpp"
#include "unit/rootfs/peers.hpp"

#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

namespace files = std::filesystem;
using namespace test;
using vmkit::test::check_error;
using vmkit::test::describe_image;
using vmkit::test::describe_tree;
using vmkit::test::e2fs_tool;
using vmkit::test::Mount;
using vmkit::test::run_checked;
using vmkit::test::run_tool;
using vmkit::test::tree_of;

/// Writes a file and commits all that was done before, to the journal alone: fsync does not write
/// metadata to its place.
void put_durably(const files::path& path, std::string_view data) {
  const os::Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  REQUIRE(file.get() >= 0);
  REQUIRE(::write(file.get(), data.data(), data.size()) == static_cast<ssize_t>(data.size()));
  REQUIRE(::fsync(file.get()) == 0);
}

/// Commits of all sorts: new and removed folders (revocations), data that looks like a journal.
void work_in(const files::path& root, int rounds) {
  const std::string magic("\xc0\x3b\x39\x98 the journal's own number", 30);
  for (int i = 0; i < rounds; ++i) {
    const files::path folder = root / ("folder " + std::to_string(i));
    files::create_directory(folder);
    for (int j = 0; j < 40; ++j)
      put_durably(folder / ("a long enough name " + std::to_string(j)),
                  j % 2 == 0 ? magic : std::string(j * 100, 'x'));
    if (i % 3 == 0) files::remove_all(folder);
    if (i % 3 == 1) files::rename(folder, root / ("renamed " + std::to_string(i)));
    REQUIRE(::mknod((root / ("device " + std::to_string(i))).c_str(), S_IFBLK | 0600, 0x12345) ==
            0);
  }
  put_durably(root / "last", magic);
}

void copy_image(const std::string& from, const std::string& to) {
  // A copy of what is there now, holes and all.
  run_checked({"/bin/cp", "--sparse=always", from, to});
}

/// A copy of an image whose machine was killed, and the tree that was in it.
struct Killed {
  SparseFileDevice device;
  std::vector<std::string> tree;
};

void kill_mounted(Killed& killed, const SparseFileDevice& device, const std::string& options,
                  int rounds) {
  const files::path place = files::path(device.folder()) / "mount";
  const Mount mount({"-t", "ext4", "-o", "loop,barrier=0," + options, device.path()}, place);
  work_in(place, rounds);
  killed.tree = describe_tree(place);
  copy_image(device.path(), killed.device.path());
}

void check_same(const std::vector<std::string>& expected, const std::vector<std::string>& found) {
  REQUIRE(expected.size() == found.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(expected[i] == found[i]);
}

void check_killed(Killed& killed) {
  // Without its journal the image is not what it should be.
  CHECK(contains(debugfs(killed.device.path(), "stat /last"), "not found"));
  Reader reader = Reader::open(killed.device);
  CHECK(reader.info().journal_replayed);
  CHECK(reader.info().clean);
  check_same(killed.tree, describe_image(reader));
  check_error(Errc::failed_precondition, {"journal has to be replayed"},
              [&] { Reader::open(killed.device, {.replay_journal = false}); });
  SparseFileDevice by_e2fsck;
  copy_image(killed.device.path(), by_e2fsck.path());
  CHECK(run_tool({e2fs_tool("e2fsck"), "-fy", by_e2fsck.path()}).status <= 1);
  check_same(killed.tree, tree_of(by_e2fsck));
  // The same, replayed on the device itself, is sound in the eyes of e2fsck.
  CHECK(recover_journal(killed.device));
  CHECK(!recover_journal(killed.device));
  CHECK(run_tool({e2fs_tool("e2fsck"), "-fy", killed.device.path()}).status <= 1);
  CHECK(e2fsck_complaints(killed.device.path()) == "");
  CHECK(!Reader::open(killed.device).info().journal_replayed);
  check_same(killed.tree, tree_of(killed.device));
}

TEST_CASE("the journal of a machine that was killed is replayed") {
  if (!have_e2fsprogs()) return;
  REQUIRE(::geteuid() == 0);
  struct Variant {
    std::vector<std::string> format;
    std::string mount;
    int rounds;
  };
  const std::vector<Variant> variants = {
      {{"-b", "4096"}, "data=ordered", 3},
      // A journal of 1 MiB, gone round more than once.
      {{"-b", "1024", "-J", "size=1"}, "data=journal", 12},
      {{"-b", "2048", "-O", "^metadata_csum,^64bit"}, "data=ordered", 3},
      {{"-b", "1024", "-O", "^metadata_csum", "-J", "size=2"}, "data=journal,journal_checksum", 5},
      {{"-b", "4096", "-O", "^extent,^64bit"}, "data=journal", 3},
  };
  for (const Variant& variant : variants) {
    std::string text = variant.mount;
    for (const std::string& option : variant.format) text += ' ' + option;
    CAPTURE(text);
    SparseFileDevice device;
    std::vector<std::string> command{e2fs_tool("mke2fs"), "-q", "-F", "-t", "ext4"};
    command.insert(command.end(), variant.format.begin(), variant.format.end());
    command.insert(command.end(), {device.path(), "32M"});
    run_checked(command);
    Killed killed;
    kill_mounted(killed, device, variant.mount, variant.rounds);
    check_killed(killed);
  }
}

TEST_CASE("our own image, whose machine was killed") {
  if (!have_e2fsprogs()) return;
  REQUIRE(::geteuid() == 0);
  SparseFileDevice device;
  FormatOptions options = options_of(64_MiB);
  options.journal = 4_MiB;
  Filesystem fs = Filesystem::format(device, options);
  add_file(fs, fs.root(), "file", pattern(100'000));
  fs.commit();
  Killed killed;
  kill_mounted(killed, device, "data=ordered", 4);
  check_killed(killed);
}

TEST_CASE("a transaction that was not committed whole is not replayed; a damaged one is told") {
  if (!have_e2fsprogs()) return;
  REQUIRE(::geteuid() == 0);
  SparseFileDevice device;
  run_checked({e2fs_tool("mke2fs"), "-q", "-F", "-t", "ext4", "-b", "4096", device.path(), "32M"});
  Killed killed;
  kill_mounted(killed, device, "data=ordered", 1);
  const std::string journal = debugfs(killed.device.path(), "logdump -a");
  // Where the log's transactions stand: "Found expected sequence 9, type 2 (commit block) at block
  // 77".
  std::vector<std::uint64_t> commits;
  std::vector<std::uint64_t> descriptors;
  for (std::size_t at = 0; (at = journal.find("type ", at)) != std::string::npos; ++at) {
    const std::size_t block = journal.find("at block ", at);
    (journal[at + 5] == '2' ? commits : descriptors)
        .push_back(std::stoull(journal.substr(block + 9)));
  }
  REQUIRE(commits.size() > 10);
  const auto flip = [&](std::uint64_t block, std::uint64_t offset) {
    const std::uint64_t place =
        std::stoull(debugfs(killed.device.path(), "bmap <8> " + std::to_string(block)));
    std::byte byte;
    killed.device.read_at(place * 4096 + offset, {&byte, 1});
    byte ^= std::byte{0x10};
    killed.device.write_at(place * 4096 + offset, {&byte, 1});
  };
  flip(commits.back(), 100);
  Reader reader = Reader::open(killed.device);
  CHECK(!reader.resolve("last"));
  CHECK(reader.resolve("device 0") == std::nullopt);  // in the same transaction
  flip(commits.back(), 100);
  CHECK(Reader::open(killed.device).resolve("last"));
  flip(descriptors[descriptors.size() / 2], 3000);
  check_error(Errc::data_corruption, {"journal", "checksum", "inode 8", "block"},
              [&] { Reader::open(killed.device); });
}

}  // namespace
}  // namespace vmkit::ext4
