// SPDX-License-Identifier: Apache-2.0
// Images get other sizes, offline.
#include <doctest/doctest.h>

#include "support/image_tree.hpp"
#include "unit/ext4/crashing_device.hpp"
#include "unit/ext4/image.hpp"
#include "unit/ext4/random_edits.hpp"

#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;
using vmkit::test::e2fs_tool;
using vmkit::test::run_tool;
using vmkit::test::tree_of;

void check_size(SparseFileDevice& device, ByteSize size, const std::vector<std::string>& tree) {
  CAPTURE(to_string(size));
  CHECK(device.size() == size);
  CHECK(e2fsck_complaints(device.path()) == "");
  CHECK((tree_of(device) == tree));
}

void resize_up_and_down(SparseFileDevice& device, CommitMode mode, unsigned seed) {
  RandomEdits edits(seed);
  Filesystem fs = Filesystem::open(device);
  edits.adopt(fs);
  edits.apply(fs, 120);
  fs.commit(mode);
  const std::vector<std::string> tree = tree_of(device);
  // Beyond 8 GiB the descriptors take a second block, which is in the way of something.
  for (const ByteSize size : {333_MiB, 9_GiB, 20_GiB, 1_GiB}) {
    fs.resize(size, mode);
    check_size(device, size, tree);
  }
  const ByteSize least = fs.least_size();
  CHECK(least < 200_MiB);
  fs.resize(least, mode);
  check_size(device, least, tree);
  fs = Filesystem::open(device);
  CHECK(fs.least_size() <= least);
  fs.resize(least + 30_MiB, mode);
  RandomEdits more(seed + 1);
  more.adopt(fs);
  more.apply(fs, 60);
  fs.commit(mode);
  more.check(fs);
  CHECK(e2fsck_complaints(device.path()) == "");
}

TEST_CASE("our images grow and shrink") {
  if (!have_e2fsprogs()) return;
  unsigned seed = 20;
  for (const bool journal : {false, true}) {
    for (const CommitMode mode : {CommitMode::atomic, CommitMode::in_place}) {
      CAPTURE(journal);
      SparseFileDevice device;
      FormatOptions options = options_of(150_MiB);
      if (journal) options.journal = 8_MiB;
      Filesystem::format(device, options).commit();
      resize_up_and_down(device, mode, ++seed);
    }
  }
}

TEST_CASE("images of mke2fs grow and shrink") {
  if (!have_e2fsprogs()) return;
  const std::vector<std::vector<std::string>> kinds = {
      {},
      {"-O", "^has_journal,^resize_inode"},
      {"-O", "^64bit"},
      {"-O", "meta_bg,^resize_inode", "-N", "20000"},
  };
  unsigned seed = 40;
  for (const auto& kind : kinds) {
    CAPTURE(kind.size() > 1 ? kind[1] : std::string());
    SparseFileDevice device;
    device.resize(200_MiB);
    std::vector<std::string> command = {
        e2fs_tool("mke2fs"), "-q", "-F", "-t", "ext4", "-b", "4096"};
    command.insert(command.end(), kind.begin(), kind.end());
    command.push_back(device.path());
    REQUIRE(run_tool(command).status == 0);
    resize_up_and_down(device, CommitMode::atomic, ++seed);
  }
}

TEST_CASE("inodes that an image has no room for get other numbers") {
  if (!have_e2fsprogs()) return;
  for (const CommitMode mode : {CommitMode::atomic, CommitMode::in_place}) {
    SparseFileDevice device;
    Filesystem fs = Filesystem::format(device, options_of(300_MiB));
    const Inode many = fs.make_directory(fs.root(), "many", {});
    for (int i = 0; i < 30'000; ++i) {
      fs.make_special(many, std::to_string(i), FileType::fifo, {}, {.permissions = 0600});
    }
    RandomEdits edits(9);
    edits.apply(fs, 150);
    const Inode folder = fs.make_directory(fs.root(), "kept", {.permissions = 0700});
    fs.make_directory(folder, "below", {.permissions = 0701});
    fs.commit(mode);
    fs.remove(fs.root(), "many");
    fs.commit(mode);
    const std::vector<std::string> tree = tree_of(device);
    CHECK(fs.least_size() < 128_MiB);
    const ByteSize least = fs.least_size();
    fs.resize(least, mode);
    check_size(device, least, tree);
    CHECK(static_cast<std::uint32_t>(*fs.lookup(fs.root(), "kept")) < 10'000);
    fs = Filesystem::open(device);
    fs.remove(fs.root(), "kept");
    fs.commit(mode);
    CHECK(e2fsck_complaints(device.path()) == "");
  }
}

TEST_CASE("whichever write fails while an image is resized, nothing is lost") {
  if (!have_e2fsprogs()) return;
  std::uint64_t variants = 0;
  for (const auto& sizes : {std::pair(9_MiB, 13_MiB), std::pair(14_MiB, 8_MiB)}) {
    const ByteSize from = sizes.first;
    const ByteSize to = sizes.second;
    FormatOptions options = options_of(from);
    if (++variants == 2) options.journal = 4_MiB;
    const auto make = [&](CrashingDevice& device) {
      Filesystem fs = Filesystem::format(device, options);
      // Something at the end of the image, after what goes again.
      add_file(fs, fs.root(), "first", pattern(2'000'000));
      RandomEdits(3).apply(fs, 25);
      fs.commit();
      fs.remove(fs.root(), "first");
      fs.commit();
      device.flush();
      return fs;
    };
    CrashingDevice good;
    Filesystem made = make(good);
    const std::vector<std::string> tree = tree_of(good);
    const std::uint64_t before = good.changes();
    made.resize(to);
    const std::uint64_t changes = good.changes() - before;
    CHECK((tree_of(good) == tree));
    for (std::uint64_t n = variants; n < changes; n += 3) {
      CAPTURE(n);
      CrashingDevice device;
      Filesystem fs = make(device);
      device.fail_after(n);
      CHECK(error_code([&] { fs.resize(to); }, "device fails") == Errc::io);
      SparseFileDevice copy;
      fill(copy, n / 3 % 2 == 0 ? device.bytes() : device.after_crash(static_cast<unsigned>(n)));
      const auto repaired = run_tool({e2fs_tool("e2fsck"), "-fy", copy.path()});
      CHECK_MESSAGE(repaired.status <= 1, repaired.output);
      CHECK(e2fsck_complaints(copy.path()) == "");
      CHECK((tree_of(copy) == tree));
    }
  }
}

TEST_CASE("sizes that cannot be") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(40_MiB));
  CHECK(error_code([&] { fs.resize(50_MiB); }, "not committed") == Errc::failed_precondition);
  add_file(fs, fs.root(), "data", pattern(20'000'000));
  fs.commit();
  CHECK(error_code([&] { fs.resize(17_TiB); }, "1 MiB to 16 TiB") == Errc::invalid_argument);
  CHECK(error_code([&] { fs.resize(1_MiB); }, "metadata of one group") == Errc::resource_exhausted);
  CHECK(error_code([&] { fs.resize(10_MiB); }, "full") == Errc::resource_exhausted);
  CHECK(error_code([&] { fs.commit(); }, "failed") == Errc::failed_precondition);
  if (!have_e2fsprogs()) return;
  CHECK(e2fsck_complaints(device.path()) == "");
}

}  // namespace
}  // namespace vmkit::ext4
