// SPDX-License-Identifier: Apache-2.0
// Values of extended attributes in inodes of their own (ea_inode).
#include <doctest/doctest.h>

#include "support/image_tree.hpp"
#include "unit/ext4/image.hpp"

#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;

std::vector<Xattr> large_xattrs(unsigned seed) {
  return {{"trusted.middle", pattern(3000, seed + 1)},
          {"user.large", pattern(30'000, seed)},
          {"user.largest", pattern(65'536, seed + 2)},
          {"user.small", "x"}};
}

TEST_CASE("values that fit nowhere else have inodes of their own") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(16_MiB));
  const Inode first = add_file(fs, fs.root(), "first", "x");
  const Inode second = fs.make_symlink(fs.root(), "second", "target", {});
  fs.set_xattrs(first, large_xattrs(1));
  SUBCASE("from the first commit on") {}
  SUBCASE("in a later commit") {
    fs.set_xattrs(first, {});
    fs.commit();
    CHECK(!contains(dumpe2fs(device.path()), "ea_inode"));
    fs.set_xattrs(first, large_xattrs(1));
  }
  fs.set_xattrs(second, large_xattrs(7));
  CHECK(fs.inode_count() == 4 + 4);
  fs.commit();
  const auto check = [&] {
    CHECK(fs.xattrs(first) == large_xattrs(1));
    Reader reader = Reader::open(device);
    CHECK(reader.xattrs(first) == large_xattrs(1));
    if (have_e2fsprogs()) CHECK(e2fsck_complaints(device.path()) == "");
  };
  check();
  fs = Filesystem::open(device);
  check();
  CHECK(fs.xattrs(second) == large_xattrs(7));
  CHECK(fs.inode_count() == 4 + 4);
  fs.set_xattrs(second, {{"user.large", pattern(30'000, 9)}});
  CHECK(fs.inode_count() == 4 + 3);
  fs.commit();
  check();
  fs.remove(fs.root(), "second");
  fs.commit(CommitMode::in_place);
  CHECK(fs.inode_count() == 3 + 2);
  check();
}

}  // namespace
}  // namespace vmkit::ext4
