// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>

#include "unit/ext4/image.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;

TEST_CASE("every type of file, with its attributes") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(16_MiB));
  const Attributes attributes = {.permissions = 04751,
                                 .uid = 70'000,
                                 .gid = 4'000'000'000,
                                 .mtime = {-1, 123'456'789},
                                 .atime = {5'000'000'000, 999'999'999},
                                 .ctime = {1'600'000'000, 1}};
  add_file(fs, fs.root(), "file", "hello", attributes);
  const Inode folder = fs.make_directory(fs.root(), "folder", {.permissions = 01777});
  fs.make_symlink(fs.root(), "fast", std::string(59, 'f'), {.permissions = 0777});
  fs.make_symlink(fs.root(), "slow", std::string(60, 's'), {.permissions = 0777});
  fs.make_symlink(fs.root(), "longest", std::string(4095, 'l'), {.permissions = 0777});
  fs.make_special(folder, "null", FileType::character_device, {1, 3}, {.permissions = 0666});
  fs.make_special(folder, "disk", FileType::block_device, {259, 70'000}, {.permissions = 0660});
  fs.make_special(folder, "last", FileType::block_device, {4095, (1 << 20) - 1}, {});
  fs.make_special(folder, "fifo", FileType::fifo, {}, {.permissions = 0600});
  fs.make_special(folder, "socket", FileType::socket, {}, {.permissions = 0755});
  fs.link(folder, "hard", *fs.lookup(fs.root(), "file"));
  CHECK(fs.link_count(*fs.lookup(folder, "hard")) == 2);
  CHECK(fs.link_count(fs.root()) == 4);
  CHECK(fs.attributes(*fs.lookup(fs.root(), "file")) == attributes);
  CHECK(fs.type(*fs.lookup(folder, "socket")) == FileType::socket);
  CHECK(fs.symlink_target(*fs.lookup(fs.root(), "slow")) == std::string(60, 's'));
  CHECK(fs.inode_count() == 12);
  fs.commit();

  const std::string& image = device.path();
  CHECK(e2fsck_complaints(image) == "");
  const std::string file = debugfs(image, "stat file");
  CHECK(contains(file, "Type: regular    Mode:  04751"));
  CHECK(contains(file, "User: 70000   Group: -294967296   Project:     0   Size: 5"));  // as int
  CHECK(contains(file, "Links: 2   Blockcount: 8"));
  CHECK(contains(file, "mtime: 0xffffffff:1d6f3454"));
  CHECK(contains(file, "atime: 0x2a05f200:ee6b27fd"));
  CHECK(contains(file, "ctime: 0x5f5e1000:00000004"));
  CHECK(contains(file, "crtime: 0x6553f100:00000000"));
  CHECK(contains(file, "Size of extra inode fields: 32"));
  CHECK(debugfs(image, "cat folder/hard") == "hello");
  CHECK(contains(debugfs(image, "stat folder"), "Type: directory    Mode:  01777"));
  CHECK(contains(debugfs(image, "stat fast"), "Fast link dest: \"" + std::string(59, 'f')));
  CHECK(debugfs(image, "cat slow") == std::string(60, 's'));
  CHECK(debugfs(image, "cat longest") == std::string(4095, 'l'));
  CHECK(contains(debugfs(image, "stat folder/null"), "Device major/minor number: 01:03"));
  CHECK(contains(debugfs(image, "stat folder/disk"), "Device major/minor number: 259:70000"));
  CHECK(contains(debugfs(image, "stat folder/last"), "Device major/minor number: 4095:1048575"));
  CHECK(contains(debugfs(image, "stat folder/fifo"), "Type: FIFO    Mode:  0600"));
  CHECK(contains(debugfs(image, "stat folder/socket"), "Type: socket    Mode:  0755"));
}

TEST_CASE("the features that the superblock names") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem::format(device, options_of(64_MiB)).commit();
  const std::string text = dumpe2fs(device.path());
  CHECK(contains(text, "Filesystem volume name:   vmkit-test"));
  CHECK(contains(text, "Filesystem UUID:          11223344-5566-7788-99aa-bbccddeeff10"));
  CHECK(contains(text,
                 "Filesystem features:      ext_attr dir_index filetype extent 64bit flex_bg "
                 "sparse_super large_file huge_file dir_nlink extra_isize metadata_csum\n"));
  CHECK(contains(text, "Filesystem flags:         unsigned_directory_hash"));
  CHECK(contains(text, "Default directory hash:   half_md4"));
  CHECK(contains(text, "Directory Hash Seed:      f0e9e2db-d4cd-c6bf-b8b1-aaa39c958e87"));
  CHECK(contains(text, "Filesystem state:         clean"));
  CHECK(contains(text, "Checksum type:            crc32c"));
  CHECK(contains(text, "Filesystem created:       Tue Nov 14"));
}

TEST_CASE("names are bytes") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(4_MiB));
  std::string all_bytes;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') all_bytes += static_cast<char>(byte);
  }
  const std::vector<std::string> names = {
      std::string(255, 'x'), all_bytes, "\xff\xfe", "a\nb", "...", " ", "-", "\xc3\xa4"};
  for (const std::string& name : names) add_file(fs, fs.root(), name, name);
  std::size_t found = 0;
  fs.for_each_entry(fs.root(), [&](std::string_view name, Inode inode) {
    if (name == "lost+found") return;
    CHECK(std::count(names.begin(), names.end(), name) == 1);
    CHECK(fs.lookup(fs.root(), name) == inode);
    ++found;
  });
  CHECK(found == names.size());
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  CHECK(debugfs(device.path(), "cat " + std::string(255, 'x')) == names[0]);
  CHECK(debugfs(device.path(), "cat \xc3\xa4") == "\xc3\xa4");
}

TEST_CASE("bad calls change nothing") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(1_MiB));
  const Inode root = fs.root();
  const Inode file = add_file(fs, root, "file", "x");
  const Inode folder = fs.make_directory(root, "folder", {.permissions = 0755});
  for (std::string_view name : {std::string_view(""), std::string_view("."), std::string_view(".."),
                                std::string_view("a/b"), std::string_view("a\0b", 3)}) {
    CHECK(error_code([&] { fs.make_directory(root, name, {}); }, "expected 1 to 255 bytes") ==
          Errc::invalid_argument);
    CHECK(error_code([&] { fs.link(root, name, file); }, "expected 1 to 255 bytes") ==
          Errc::invalid_argument);
  }
  CHECK(error_code([&] { fs.make_directory(root, std::string(256, 'x'), {}); }, "of 256 bytes") ==
        Errc::invalid_argument);
  CHECK(error_code([&] { fs.make_directory(root, "file", {}); }, "\"file\" exists") ==
        Errc::already_exists);
  CHECK(error_code([&] { fs.link(root, "folder", file); }, "\"folder\" exists") ==
        Errc::already_exists);
  CHECK(error_code([&] { fs.make_directory(file, "a", {}); }, "no directory") ==
        Errc::invalid_argument);
  CHECK(error_code([&] { fs.make_directory(Inode{4711}, "a", {}); }, "4711 is not in use") ==
        Errc::invalid_argument);
  CHECK(error_code([&] { fs.link(root, "a", folder); }, "to a directory") ==
        Errc::invalid_argument);
  CHECK(error_code([&] { fs.make_symlink(root, "a", "", {}); }, "1 to 4095") ==
        Errc::invalid_argument);
  CHECK(error_code([&] { fs.make_symlink(root, "a", std::string(4096, 'a'), {}); }, "of 4096") ==
        Errc::invalid_argument);
  CHECK(error_code([&] { fs.make_special(root, "a", FileType::regular, {}, {}); }, "expected a") ==
        Errc::invalid_argument);
  CHECK(error_code(
            [&] {
              fs.make_special(root, "a", FileType::block_device, {4096, 0}, {});
            },
            "4096:0") == Errc::invalid_argument);
  CHECK(error_code([&] { fs.make_directory(root, "a", {.permissions = 010000}); }, "12 bits") ==
        Errc::invalid_argument);
  CHECK(error_code([&] { fs.set_attributes(file, {.permissions = 0100644}); }, "12 bits") ==
        Errc::invalid_argument);
  CHECK(error_code([&] { fs.remove(root, "none"); }, "no such file name") == Errc::not_found);
  CHECK(error_code([&] { fs.symlink_target(file); }, "no symlink") == Errc::invalid_argument);
  CHECK(!fs.lookup(root, "a"));
  CHECK(fs.inode_count() == 4);
  {
    FileWriter writer = fs.make_file(root, "open", {});
    CHECK(error_code([&] { fs.make_file(root, "a", {}); }, "not finished") ==
          Errc::failed_precondition);
    CHECK(error_code([&] { fs.commit(); }, "not finished") == Errc::failed_precondition);
    fs.remove(root, "open");
    CHECK(error_code([&] { writer.write(bytes_of("x")); }, "removed") == Errc::failed_precondition);
  }
  StopSource stopped;
  stopped.request_stop();
  CHECK(error_code([&] { fs.commit({.stop = stopped.token()}); }, "commit") == Errc::cancelled);
  CHECK(error_code([&] { fs.commit(); }, "before") == Errc::failed_precondition);
  CHECK(error_code([&] { fs.make_directory(root, "a", {}); }, "before") ==
        Errc::failed_precondition);
}

TEST_CASE("a commit of nothing") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(8_MiB));
  fs.commit();
  fs.commit();
  fs.commit(CommitMode::in_place);
  if (have_e2fsprogs()) CHECK(e2fsck_complaints(device.path()) == "");
}

TEST_CASE("options that cannot be") {
  SparseFileDevice device;
  const auto try_with = [&](const std::function<void(FormatOptions&)>& change,
                            std::string_view words) {
    FormatOptions options = options_of(1_MiB);
    change(options);
    return error_code([&] { Filesystem::format(device, options); }, words);
  };
  const Errc bad = Errc::invalid_argument;
  CHECK(try_with([](auto& o) { o.size = ByteSize((1 << 20) - 1); }, "1 MiB to 16 TiB") == bad);
  CHECK(try_with([](auto& o) { o.size = 16_TiB + 1_B; }, "1 MiB to 16 TiB") == bad);
  CHECK(try_with([](auto& o) { o.label = std::string(17, 'x'); }, "16 bytes") == bad);
  CHECK(try_with([](auto& o) { o.hash_seed = {}; }, "hash seed") == bad);
  CHECK(device.size() == 0_B);
}

TEST_CASE("removed names give back everything") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(8_MiB));
  const Inode folder = fs.make_directory(fs.root(), "folder", {.permissions = 0755});
  const Inode below = fs.make_directory(folder, "below", {.permissions = 0755});
  const Inode kept = add_file(fs, below, "kept", "kept data");
  add_file(fs, below, "lost", "lost data");
  fs.make_symlink(below, "link", std::string(100, 'x'), {});
  fs.link(fs.root(), "kept", kept);
  CHECK(fs.link_count(fs.root()) == 4);
  fs.remove(fs.root(), "folder");
  CHECK(fs.link_count(fs.root()) == 3);
  CHECK(fs.link_count(kept) == 1);
  CHECK(fs.inode_count() == 3);
  CHECK(!fs.lookup(fs.root(), "folder"));
  fs.make_directory(fs.root(), "folder", {.permissions = 0700});
  fs.remove(fs.root(), "lost+found");
  fs.commit();
  CHECK(contains(debugfs(device.path(), "cat kept"), "kept data"));
  CHECK(e2fsck_complaints(device.path()) == "");
}

TEST_CASE("the same calls give the same bytes") {
  const auto build = [](SparseFileDevice& device) {
    Filesystem fs = Filesystem::format(device, options_of(32_MiB));
    for (int i = 0; i < 2000; ++i) {
      const std::string name = "name" + std::to_string(i * 7919 % 2000);
      add_file(fs, fs.root(), name, pattern(static_cast<std::size_t>(i) * 7 % 9000));
      if (i % 3 == 2) fs.remove(fs.root(), "name" + std::to_string((i - 1) * 7919 % 2000));
    }
    fs.set_xattrs(fs.root(), {{"user.b", "2"}, {"user.a", "1"}});
    fs.commit();
    std::vector<std::byte> bytes(device.size().bytes());
    device.read_at(0, bytes);
    return bytes;
  };
  SparseFileDevice first;
  SparseFileDevice second;
  CHECK((build(first) == build(second)));
}

}  // namespace
}  // namespace vmkit::ext4
