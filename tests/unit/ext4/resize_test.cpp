// SPDX-License-Identifier: Apache-2.0
// Images get other sizes, offline.
#include <doctest/doctest.h>

#include "support/image_tree.hpp"
#include "unit/ext4/image.hpp"
#include "unit/ext4/random_edits.hpp"

#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;
using vmkit::test::describe_image;
using vmkit::test::e2fs_tool;
using vmkit::test::run_tool;

std::vector<std::string> tree_of(BlockDevice& device) {
  Reader reader = Reader::open(device);
  return describe_image(reader);
}

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
    std::vector<std::string> command = {e2fs_tool("mke2fs"), "-q", "-F", "-t", "ext4", "-b", "4096"};
    command.insert(command.end(), kind.begin(), kind.end());
    command.push_back(device.path());
    REQUIRE(run_tool(command).status == 0);
    resize_up_and_down(device, CommitMode::atomic, ++seed);
  }
}

}  // namespace
}  // namespace vmkit::ext4
