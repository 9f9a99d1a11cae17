// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "support/memory_block_device.hpp"
#include "unit/ext4/image.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;
using vmkit::test::MemoryBlockDevice;

bool has_superblock(const MemoryBlockDevice& device) {
  constexpr std::size_t magic_at = 1024 + 0x38;
  return device.bytes().size() > magic_at + 2 &&
         load_le<std::uint16_t>(&device.bytes()[magic_at]) == 0xef53;
}

void small_build(MemoryBlockDevice& device) {
  Filesystem fs = Filesystem::format(device, options_of(1_MiB));
  for (int i = 0; i < 5; ++i) {
    add_file(fs, fs.root(), "file" + std::to_string(i), pattern(70'000));
    if (i == 2) fs.remove(fs.root(), "file1");
  }
  fs.set_xattrs(fs.root(), {{"user.x", std::string(500, 'x')}});
  fs.make_symlink(fs.root(), "link", std::string(100, 'x'), {});
  CHECK(!has_superblock(device));
  fs.commit();
}

TEST_CASE("whichever write fails, no superblock is there") {
  MemoryBlockDevice good;
  small_build(good);
  CHECK(has_superblock(good));
  const std::uint64_t all = good.changes();
  REQUIRE(all > 8);
  for (std::uint64_t n = 0; n < all; ++n) {
    CAPTURE(n);
    MemoryBlockDevice device;
    device.fail_after(n);
    CHECK(error_code([&] { small_build(device); }, "the test's device fails") == Errc::io);
    // After a last flush that fails, a device that takes no write keeps what it was given.
    if (n + 1 < all) CHECK(!has_superblock(device));
  }
}

TEST_CASE("a device that recovers loses nothing") {
  MemoryBlockDevice device;
  Filesystem fs = Filesystem::format(device, options_of(1_MiB));
  const std::string data = pattern(40'000);
  device.fail_after(0);
  add_file(fs, fs.root(), "kept", data);  // small: joined with what follows
  FileWriter writer = fs.make_file(fs.root(), "short", {.permissions = 0644});
  writer.write(bytes_of(data));
  CHECK(error_code([&] { writer.write(bytes_of(pattern(100'000))); }, "fails") == Errc::io);
  device.fail_never();
  writer.finish();
  fs.commit();
  if (!have_e2fsprogs()) return;
  SparseFileDevice copy;
  copy.resize(device.size());
  copy.write_at(0, device.bytes());
  CHECK(e2fsck_complaints(copy.path()) == "");
  CHECK((debugfs(copy.path(), "cat kept") == data));
  CHECK((debugfs(copy.path(), "cat short").substr(0, 36'864) == data.substr(0, 36'864)));
}

TEST_CASE("a full image says so, keeps the tree, and can still be committed") {
  if (!have_e2fsprogs()) return;
  const std::vector<std::pair<std::string, std::function<void(Filesystem&, int)>>> ways = {
      {"data",
       [](Filesystem& fs, int i) { add_file(fs, fs.root(), std::to_string(i), pattern(10'000)); }},
      {"one file",
       [](Filesystem& fs, int i) { add_file(fs, fs.root(), std::to_string(i), pattern(3 << 20)); }},
      {"directories",
       [](Filesystem& fs, int i) { fs.make_directory(fs.root(), std::to_string(i), {}); }},
      {"names",
       [](Filesystem& fs, int i) {
         const std::string name = std::to_string(i) + std::string(200, 'n');
         if (i == 0) {
           add_file(fs, fs.root(), "target", "x");
         } else {
           fs.link(fs.root(), name, *fs.lookup(fs.root(), "target"));
         }
       }},
      {"inodes",
       [](Filesystem& fs, int i) {
         fs.make_special(fs.root(), std::to_string(i), FileType::fifo, {}, {});
       }},
      {"symlinks",
       [](Filesystem& fs, int i) {
         fs.make_symlink(fs.root(), std::to_string(i), std::string(1000, 's'), {});
       }},
      {"attributes", [](Filesystem& fs, int i) {
         const Inode fifo = fs.make_special(fs.root(), std::to_string(i), FileType::fifo, {}, {});
         fs.set_xattrs(fifo, {{"user.x", std::string(1000, 'x')}});
       }}};
  for (const ByteSize size : {1_MiB, 2_MiB}) {
    for (const auto& way : ways) {
      const std::string& name = way.first;
      const auto& add = way.second;
      CAPTURE(name);
      SparseFileDevice device;
      Filesystem fs = Filesystem::format(device, options_of(size));
      int count = 0;
      const Errc code = error_code(
          [&] {
            for (; count < 100'000; ++count) add(fs, count);
          },
          "ext4 image of " + to_string(size) + " is full: no room for ");
      CHECK(code == Errc::resource_exhausted);
      CHECK(error_code([&] { add(fs, count + 1); }, "give it a larger") ==
            Errc::resource_exhausted);
      const std::uint64_t inodes = fs.inode_count();
      fs.commit();
      CHECK(fs.inode_count() == inodes);
      CHECK(e2fsck_complaints(device.path()) == "");
    }
  }
}

TEST_CASE("more inodes than the usual ratio are no problem where there is room") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(1_GiB));  // 65,536 by the ratio
  for (int i = 0; i < 200'000; ++i) {
    fs.make_special(fs.root(), std::to_string(i), FileType::fifo, {}, {});
  }
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  // What is left of the image may become files of the usual size.
  const std::string text = vmkit::test::dumpe2fs(device.path());
  constexpr std::string_view label = "Inode count:";
  const int inodes = std::stoi(text.substr(text.find(label) + label.size()));
  CHECK(inodes > 200'000 + 50'000);
}

TEST_CASE("a stopped commit") {
  MemoryBlockDevice device;
  Filesystem fs = Filesystem::format(device, options_of(1_MiB));
  StopSource source;
  source.request_stop();
  CHECK(error_code([&] { fs.commit({.stop = source.token()}); }, "commit of an ext4 image") ==
        Errc::cancelled);
  CHECK(!has_superblock(device));
}

TEST_CASE("commit tells its progress, and a callback that throws ends it") {
  MemoryBlockDevice device;
  Filesystem fs = Filesystem::format(device, options_of(1_MiB));
  Progress last;
  fs.commit({.progress = [&](const Progress& progress) { last = progress; }});
  CHECK(last.done == 2);
  CHECK(last.total == 2);
  MemoryBlockDevice second;
  fs = Filesystem::format(second, options_of(1_MiB));
  CHECK_THROWS_AS(fs.commit({.progress = [](const Progress&) { throw 7; }}), int);
}

}  // namespace
}  // namespace vmkit::ext4
