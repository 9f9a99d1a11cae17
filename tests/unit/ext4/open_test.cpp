// SPDX-License-Identifier: Apache-2.0
// Images that mke2fs made are opened, changed and committed.
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

#include "support/image_tree.hpp"
#include "unit/ext4/image.hpp"
#include "unit/ext4/random_edits.hpp"

#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

namespace files = std::filesystem;
using namespace test;
using vmkit::test::e2fs_tool;
using vmkit::test::run_tool;
using vmkit::test::tree_of;

void put_file(const files::path& path, std::string_view data) {
  std::ofstream(path, std::ios::binary) << data;
}

/// A folder with a bit of everything, for `mke2fs -d`.
void make_tree(const files::path& root) {
  files::create_directories(root / "folder/in/folder");
  files::create_directories(root / "many");
  for (int i = 0; i < 400; ++i) put_file(root / "many" / ("file \xe4" + std::to_string(i)), "x");
  put_file(root / "large", pattern(3'000'000));
  put_file(root / "odd", pattern(12'345));
  std::ofstream sparse(root / "sparse", std::ios::binary);
  for (int i = 0; i < 8; ++i) sparse.seekp(i * 20'000) << pattern(5000);
  sparse.close();
  files::create_hard_link(root / "odd", root / "folder/in/same");
  files::create_symlink("short", root / "symlink");
  files::create_symlink(std::string(300, 'l'), root / "long symlink");
}

/// Makes `device` an image of that tree.
void mke2fs(SparseFileDevice& device, ByteSize size, std::vector<std::string> options) {
  const files::path tree = device.folder() + "/tree";
  make_tree(tree);
  device.resize(size);
  std::vector<std::string> command = {
      e2fs_tool("mke2fs"), "-q", "-F", "-t", "ext4", "-b", "4096", "-d", tree};
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(device.path());
  const auto made = run_tool(command);
  REQUIRE_MESSAGE(made.status == 0, made.output);
}

void edit_and_check(SparseFileDevice& device, unsigned seed, CommitMode mode) {
  REQUIRE(e2fsck_complaints(device.path()) == "");
  RandomEdits edits(seed);
  {
    const std::vector<std::string> before = tree_of(device);
    Filesystem fs = Filesystem::open(device);
    edits.adopt(fs);
    fs.commit(mode);
    CHECK((tree_of(device) == before));
    edits.apply(fs, 60);
    fs.commit(mode);
    CHECK(e2fsck_complaints(device.path()) == "");
  }
  Filesystem fs = Filesystem::open(device);
  edits.check(fs);
  edits.apply(fs, 60);
  fs.commit(mode);
  CHECK(e2fsck_complaints(device.path()) == "");
  edits.check(fs);
}

TEST_CASE("images of mke2fs are edited") {
  if (!have_e2fsprogs()) return;
  const std::vector<std::vector<std::string>> kinds = {
      {},
      {"-O", "^has_journal,^resize_inode"},
      {"-O", "^64bit,^flex_bg"},
      {"-O", "orphan_file,metadata_csum_seed", "-E", "lazy_itable_init=0"},
      {"-O", "^has_journal,meta_bg,^resize_inode", "-N", "20000"},
      {"-i", "65536"},
  };
  unsigned seed = 0;
  for (const auto& kind : kinds) {
    CAPTURE(kind.size() > 1 ? kind[1] : std::string());
    SparseFileDevice device;
    mke2fs(device, seed == 0 ? 300_MiB : 64_MiB, kind);
    ++seed;
    edit_and_check(device, seed, seed % 2 == 0 ? CommitMode::in_place : CommitMode::atomic);
  }
}

TEST_CASE("what cannot be edited is refused, with the features") {
  if (!have_e2fsprogs()) return;
  const std::vector<std::pair<std::vector<std::string>, std::string>> kinds = {
      {{"-O", "^metadata_csum"}, "without the features metadata_csum"},
      {{"-O", "^extents,^64bit"}, "without the features extent"},
      {{"-O", "bigalloc"}, "features bigalloc"},
      {{"-O", "inline_data"}, "features inline_data"},
      {{"-O", "quota"}, "features quota"},
      {{"-b", "1024"}, "blocks of 1024 bytes"},
      {{"-I", "512"}, "inodes of 512 bytes"},
  };
  for (const auto& kind : kinds) {
    const auto& options = kind.first;
    const auto& words = kind.second;
    CAPTURE(words);
    SparseFileDevice device;
    mke2fs(device, 64_MiB, options);
    CHECK(error_code([&] { Filesystem::open(device); }, words) == Errc::unsupported);
  }
  SparseFileDevice empty;
  empty.resize(1_MiB);
  CHECK(error_code([&] { Filesystem::open(empty); }, "no ext4 image") == Errc::data_corruption);
}

}  // namespace
}  // namespace vmkit::ext4
