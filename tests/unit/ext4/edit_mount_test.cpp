// SPDX-License-Identifier: Apache-2.0
// Needs root: the kernel mounts what was edited, or what an interrupted commit left; and what a
// killed machine left is edited.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "os/descriptor.hpp"
#include "support/image_tree.hpp"
#include "unit/ext4/crashing_device.hpp"
#include "unit/ext4/image.hpp"
#include "unit/ext4/random_edits.hpp"
#include "unit/rootfs/peers.hpp"

#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

namespace files = std::filesystem;
using namespace test;
using vmkit::test::describe_tree;
using vmkit::test::e2fs_tool;
using vmkit::test::Mount;
using vmkit::test::run_checked;
using vmkit::test::tree_of;

std::vector<std::string> mounted_tree(const SparseFileDevice& device, const std::string& options) {
  const files::path place = files::path(device.folder()) / "mount";
  const Mount mount({"-t", "ext4", "-o", "loop," + options, device.path()}, place);
  return describe_tree(place);
}

TEST_CASE("the kernel and the Reader find the same in an edited image") {
  if (!have_e2fsprogs()) return;
  REQUIRE(::geteuid() == 0);
  SparseFileDevice device;
  run_checked({e2fs_tool("mke2fs"), "-q", "-F", "-t", "ext4", "-b", "4096", device.path(), "200M"});
  RandomEdits edits(11);
  Filesystem fs = Filesystem::open(device);
  for (int i = 0; i < 3; ++i) {
    edits.apply(fs, 100);
    fs.commit();
  }
  const Inode file = add_file(fs, fs.root(), "large attributes", "x");
  fs.set_xattrs(file, {{"user.large", pattern(40'000)}, {"user.small", "x"}});
  const Inode link = fs.make_symlink(fs.root(), "symlink with them", "target", {});
  fs.set_xattrs(link, {{"trusted.large", pattern(20'000)}});
  fs.commit();
  CHECK((mounted_tree(device, "ro") == tree_of(device)));
  for (const ByteSize size : {9_GiB, fs.least_size()}) {
    fs.resize(size);
    CHECK((mounted_tree(device, "rw") == tree_of(device)));
    CHECK(e2fsck_complaints(device.path()) == "");
    fs = Filesystem::open(device);
  }
}

TEST_CASE("the kernel replays a commit that was interrupted") {
  if (!have_e2fsprogs()) return;
  REQUIRE(::geteuid() == 0);
  for (const bool journal : {false, true}) {
    CAPTURE(journal);
    FormatOptions options = options_of(24_MiB);
    if (journal) options.journal = 4_MiB;
    int old_trees = 0;
    int new_trees = 0;
    for (std::uint64_t n = 3; n < 18; n += 2) {
      CAPTURE(n);
      CrashingDevice device;
      RandomEdits edits(5);
      Filesystem fs = Filesystem::format(device, options);
      edits.apply(fs, 60);
      fs.commit();
      const std::vector<std::string> before = tree_of(device);
      edits.apply(fs, 40);
      device.fail_after(n);
      CHECK(error_code([&] { fs.commit(); }, "device fails") == Errc::io);
      SparseFileDevice copy;
      copy.resize(device.size());
      copy.write_at(0, device.after_crash(static_cast<unsigned>(n)));
      const std::vector<std::string> tree = mounted_tree(copy, "rw");
      CHECK((tree_of(copy) == tree));
      // Inode 8 is written before the superblock says that there is a journal; in between only
      // e2fsck notices. The next commit clears it.
      const std::string complaints = e2fsck_complaints(copy.path());
      CAPTURE(complaints);
      CHECK((complaints.empty() ||
             (!journal && tree == before && contains(complaints, "Journal inode is not in use"))));
      ++(tree == before ? old_trees : new_trees);
      // What the kernel left is edited again.
      Filesystem again = Filesystem::open(copy);
      add_file(again, again.root(), "again", "x");
      again.commit();
      CHECK(e2fsck_complaints(copy.path()) == "");
    }
    CHECK(old_trees > 0);
    CHECK(new_trees > 0);
  }
}

TEST_CASE("the disk of a killed machine is edited: its open files go") {
  if (!have_e2fsprogs()) return;
  REQUIRE(::geteuid() == 0);
  SparseFileDevice device;
  SparseFileDevice killed;
  run_checked({e2fs_tool("mke2fs"), "-q", "-F", "-t", "ext4", "-b", "4096", device.path(), "64M"});
  {
    const files::path place = files::path(device.folder()) / "mount";
    const Mount mount({"-t", "ext4", "-o", "loop,barrier=0", device.path()}, place);
    std::vector<os::Descriptor> open;
    for (int i = 0; i < 20; ++i) {
      const files::path path = place / ("file" + std::to_string(i));
      std::ofstream(path) << pattern(30'000);
      if (i % 2 == 0) continue;
      open.emplace_back(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      files::remove(path);
    }
    run_checked({"/bin/sync", "-f", place});
    run_checked({"/bin/cp", "--sparse=always", device.path(), killed.path()});
  }
  Filesystem fs = Filesystem::open(killed);
  CHECK(fs.inode_count() == 2 + 1 + 10);  // with the journal's
  add_file(fs, fs.root(), "new", pattern(100'000));
  fs.commit();
  CHECK(e2fsck_complaints(killed.path()) == "");
  CHECK((mounted_tree(killed, "ro") == tree_of(killed)));
}

}  // namespace
}  // namespace vmkit::ext4
