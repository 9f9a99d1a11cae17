// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sstream>

#include "ext4/format/htree_hash.hpp"
#include "ext4/format/superblock.hpp"
#include "unit/ext4/image.hpp"

namespace vmkit::ext4 {
namespace {

using namespace test;

std::string number(std::uint32_t value) {
  std::ostringstream text;
  text << "0x" << std::hex << value;
  return text.str();
}

TEST_CASE("the hash is that of e2fsprogs") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  const FormatOptions options = options_of(1_MiB);
  Filesystem::format(device, options).commit();
  for (const std::string& name : {std::string("a"), std::string("passwd"), std::string(31, 'x'),
                                  std::string(32, 'y'), std::string(33, 'z'), std::string(64, 'q'),
                                  std::string(255, 'w'), std::string("\xc3\xa4\xff\x80")}) {
    const HtreeHash hash = htree_hash(name, {htree_seed(options)});
    const std::string output =
        debugfs(device.path(), "dx_hash -h 4 -s f0e9e2db-d4cd-c6bf-b8b1-aaa39c958e87 " + name);
    CHECK_MESSAGE(contains(output, number(hash.major)), output);
    CHECK_MESSAGE(contains(output, number(hash.minor)), output);
  }
}

TEST_CASE("directories of every size around the step to an index") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(64_MiB));
  for (int count = 0; count < 60; ++count) {
    const Inode folder =
        fs.make_directory(fs.root(), "d" + std::to_string(count), {.permissions = 0755});
    for (int i = 0; i < count; ++i) {
      const std::string name =
          std::to_string(i) + std::string(static_cast<std::size_t>(i == 17 ? 1 : 249), 'n');
      fs.make_special(folder, name, FileType::fifo, {}, {});
    }
  }
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  CHECK(contains(debugfs(device.path(), "stat d15"), "Flags: 0x80000\n"));
  CHECK(contains(debugfs(device.path(), "stat d18"), "Flags: 0x81000\n"));
}

TEST_CASE("one hundred thousand entries") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(512_MiB));
  const Inode folder = fs.make_directory(fs.root(), "folder", {.permissions = 0755});
  constexpr int count = 100'000;
  const auto name = [](int i) { return "a name of usual length " + std::to_string(i); };
  for (int i = 0; i < count; ++i) {
    fs.make_special(folder, name(static_cast<int>(i * 7919LL % count)), FileType::fifo, {}, {});
  }
  for (int i = 0; i < count; i += 1000) {
    CHECK(fs.lookup(folder, name(i)));
    fs.remove(folder, name(i));
    CHECK(!fs.lookup(folder, name(i)));
  }
  CHECK(error_code([&] { fs.make_directory(folder, name(1), {}); }, "exists") ==
        Errc::already_exists);
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  const std::string dump = debugfs(device.path(), "htree_dump folder");
  CHECK(contains(dump, "Indirect levels: 1"));
  CHECK(contains(dump, "Hash Version: 1"));
  const std::string list = debugfs(device.path(), "ls -p folder");
  CHECK(std::count(list.begin(), list.end(), '\n') >= count - 100 + 2);
  CHECK(contains(list, "/" + name(99'999) + "/"));
}

TEST_CASE("seventy thousand subdirectories") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(512_MiB));
  const Inode folder = fs.make_directory(fs.root(), "folder", {.permissions = 0755});
  for (int i = 0; i < 70'000; ++i) {
    fs.make_directory(folder, std::to_string(i), {.permissions = 0755});
  }
  CHECK(fs.link_count(folder) == 70'002);
  CHECK(fs.inode_count() == 70'003);
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  CHECK(contains(debugfs(device.path(), "stat folder"), "Links: 1 "));
}

TEST_CASE("as many hard links as ext4 allows") {
  if (!have_e2fsprogs()) return;
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(16_MiB));
  const Inode file = add_file(fs, fs.root(), "file", "x");
  for (int i = 1; i < 65'000; ++i) fs.link(fs.root(), std::to_string(i), file);
  CHECK(error_code([&] { fs.link(fs.root(), "more", file); }, "has 65000 names") ==
        Errc::unsupported);
  fs.commit();
  CHECK(e2fsck_complaints(device.path()) == "");
  CHECK(contains(debugfs(device.path(), "stat file"), "Links: 65000 "));
}

}  // namespace
}  // namespace vmkit::ext4
