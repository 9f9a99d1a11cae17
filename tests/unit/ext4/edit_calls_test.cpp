// SPDX-License-Identifier: Apache-2.0
// The calls that change a committed image, one by one.
#include <doctest/doctest.h>

#include "ext4/commit/log_writer.hpp"
#include "ext4/format/features.hpp"
#include "ext4/read/journal_log.hpp"
#include "ext4/read/open_image.hpp"
#include "support/memory_block_device.hpp"
#include "unit/ext4/image.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;

std::string text_of(Filesystem& fs, Inode file) {
  std::string text(fs.size(file), '?');
  CHECK(fs.read(file, 0, std::as_writable_bytes(std::span(text))) == text.size());
  return text;
}

void write_to(FileWriter writer, std::string_view data) {
  writer.write(bytes_of(data));
  writer.finish();
}

TEST_CASE("rename as rename(2) has it") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(16_MiB));
  const Inode root = fs.root();
  const Inode a = fs.make_directory(root, "a", {.permissions = 0755});
  const Inode b = fs.make_directory(a, "b", {.permissions = 0755});
  const Inode full = fs.make_directory(root, "full", {.permissions = 0755});
  const Inode file = add_file(fs, full, "file", "one");
  add_file(fs, root, "other", "two");
  fs.link(root, "same", file);
  fs.commit();
  const auto refused = [&](Inode from, std::string_view name, Inode to, std::string_view new_name,
                           std::string_view words) {
    return error_code([&] { fs.rename(from, name, to, new_name); }, words);
  };
  CHECK(refused(root, "none", root, "x", "no such file name") == Errc::not_found);
  CHECK(refused(root, "a", b, "x", "into itself") == Errc::invalid_argument);
  CHECK(refused(root, "a", a, "x", "into itself") == Errc::invalid_argument);
  CHECK(refused(root, "a", root, "full", "not empty") == Errc::failed_precondition);
  CHECK(refused(root, "other", root, "a", "a directory stands") == Errc::failed_precondition);
  CHECK(refused(root, "a", root, "other", "is none") == Errc::failed_precondition);
  CHECK(refused(root, "a", root, "x/y", "without '/'") == Errc::invalid_argument);
  fs.rename(root, "same", full, "file");  // the same inode: both stay
  CHECK(fs.link_count(file) == 2);
  fs.rename(root, "other", full, "file");
  CHECK(fs.link_count(file) == 1);
  CHECK(!fs.lookup(root, "other"));
  CHECK(text_of(fs, *fs.lookup(full, "file")) == "two");
  fs.rename(a, "b", root, "b");
  CHECK(fs.link_count(a) == 2);
  fs.rename(root, "b", root, "a");  // which is empty now
  CHECK(fs.lookup(root, "a") == b);
  fs.commit();
  if (have_e2fsprogs()) CHECK(e2fsck_complaints(device.path()) == "");
}

TEST_CASE("paths are followed inside the image, and made") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(8_MiB));
  const Inode deep = fs.make_directories("/x/../x//y/./z/", {.permissions = 0700});
  CHECK(fs.resolve("x/y/z") == deep);
  CHECK(fs.attributes(*fs.resolve("/x/y")).permissions == 0700);
  const Inode link = fs.make_symlink(deep, "up", "../../../../x/y", {});
  const Inode absolute = fs.make_symlink(deep, "absolute", "/x/y/z/up", {});
  CHECK(fs.resolve("/x/y/z/absolute/z") == deep);
  CHECK(fs.resolve("/x/y/z/up", LastSymlink::keep) == link);
  CHECK(fs.resolve("/x/y/z/absolute/", LastSymlink::keep) == fs.resolve("/x/y"));
  CHECK(fs.resolve("/x/y/z/absolute", LastSymlink::keep) == absolute);
  CHECK(!fs.resolve("/x/none/z"));
  CHECK(fs.resolve("/../..") == fs.root());
  const Inode made = fs.make_directories("x/y/z/absolute/new", {});
  CHECK(fs.resolve("/x/y/new") == made);
  add_file(fs, fs.root(), "file", "");
  CHECK(!fs.resolve("/file/x"));
  CHECK(error_code([&] { fs.make_directories("file/x", {}); }, "no directory") ==
        Errc::failed_precondition);
  CHECK(error_code([&] { fs.make_directories("x/y/z/../../../file", {}); }, "no directory") ==
        Errc::failed_precondition);
  fs.make_symlink(fs.root(), "loop", "loop", {});
  CHECK(error_code([&] { fs.resolve("loop"); }, "40 symlinks") == Errc::failed_precondition);
}

TEST_CASE("files are written anew and go on, and their old space is given back") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(24_MiB));
  const std::string data = pattern(5'000'123);
  const Inode file = add_file(fs, fs.root(), "file", data);
  fs.commit();
  write_to(fs.append_to(file), "and more");
  CHECK(fs.size(file) == data.size() + 8);
  fs.commit();
  CHECK((text_of(fs, file) == data + "and more"));
  {
    FileWriter writer = fs.append_to(file);
    writer.skip(10'000);
    writer.write(bytes_of("end"));
  }
  CHECK((text_of(fs, file) == data + "and more" + std::string(10'000, '\0') + "end"));
  CHECK(fs.read(file, 1 << 30, {}) == 0);
  {
    Reader committed = Reader::open(device);
    CHECK(committed.stat(file).size == data.size() + 8);
  }
  CHECK(error_code([&] { write_to(fs.append_to(fs.root()), ""); }, "no regular file") ==
        Errc::invalid_argument);
  CHECK(error_code([&] { fs.read(fs.root(), 0, {}); }, "no regular file") ==
        Errc::invalid_argument);
  const std::uint64_t before = device.allocated().bytes();
  write_to(fs.replace_content(file), "short");
  CHECK(device.allocated().bytes() >= before);
  fs.commit();
  CHECK(device.allocated().bytes() + 5'000'000 < before);
  CHECK(text_of(fs, file) == "short");
  write_to(fs.append_to(file), "er");
  fs.commit(CommitMode::in_place);
  CHECK(text_of(fs, file) == "shorter");
  if (have_e2fsprogs()) CHECK(e2fsck_complaints(device.path()) == "");
}

TEST_CASE("an image with no room for a journal can be committed in place only") {
  SparseFileDevice device;
  Filesystem fs = Filesystem::format(device, options_of(4_MiB));
  fs.commit();
  add_file(fs, fs.root(), "file", "data");
  CHECK(error_code([&] { fs.commit(); }, "4096 KiB free") == Errc::resource_exhausted);
  add_file(fs, fs.root(), "another", "data");
  fs.commit(CommitMode::in_place);
  if (have_e2fsprogs()) CHECK(e2fsck_complaints(device.path()) == "");
}

TEST_CASE("what does not fit into the image's journal is refused, and the image stays") {
  SparseFileDevice device;
  FormatOptions options = options_of(200_MiB);
  options.journal = 4_MiB;
  Filesystem fs = Filesystem::format(device, options);
  for (int i = 0; i < 20'000; ++i) {
    fs.make_special(fs.root(), std::to_string(i), FileType::fifo, {}, {});
  }
  fs.commit();
  fs.for_each_entry(fs.root(), [&](std::string_view, Inode inode) {
    fs.set_attributes(inode, {.permissions = 0600});
  });
  CHECK(error_code([&] { fs.commit(); }, "need a journal of") == Errc::resource_exhausted);
  if (have_e2fsprogs()) CHECK(e2fsck_complaints(device.path()) == "");
  fs = Filesystem::open(device);
  CHECK(fs.attributes(*fs.lookup(fs.root(), "7")).permissions == 0);
}

TEST_CASE("blocks that look like the log's own are escaped") {
  vmkit::test::MemoryBlockDevice device;
  FormatOptions options = options_of(12_MiB);
  options.journal = 4_MiB;
  Filesystem fs = Filesystem::format(device, options);
  const Inode file = add_file(fs, fs.root(), "file", pattern(8192));
  fs.commit();
  std::vector<FileExtent> extents;
  Reader reader = Reader::open(device);
  for (const Inode inode : {Inode{journal_ino}, file}) {
    reader.for_each_extent(inode, [&](const FileExtent& extent) {
      extents.push_back(extent);
      return true;
    });
  }
  REQUIRE(extents.size() == 2);
  JournalPlace place;
  place.append(extents[0].physical / block_size, extents[0].length / block_size);
  Block magic{};
  store_be(magic.data(), std::uint32_t{0xc03b3998});
  magic[100] = std::byte{1};
  Block plain{};
  plain[0] = std::byte{2};
  const std::uint64_t first = extents[1].physical / block_size;
  std::array<std::byte, 1024> head;
  device.read_at(extents[0].physical, head);
  DeviceWriter output(device);
  write_log(output, place, decode_journal_head(head), {{first, &magic}, {first + 1, &plain}});
  start_journal(head);
  output.write(extents[0].physical, head);
  std::array<std::byte, superblock_size> superblock;
  device.read_at(superblock_offset, superblock);
  const auto features = load_le<std::uint32_t>(&superblock[0x60]);
  store_le(&superblock[0x60], features | incompat::needs_recovery);
  address_superblock(superblock, 0);
  output.write(superblock_offset, superblock);
  output.flush();
  fs = Filesystem::open(device);  // replays it
  Block found;
  REQUIRE(fs.read(file, 0, found) == block_size);
  CHECK((found == magic));
  REQUIRE(fs.read(file, block_size, found) == block_size);
  CHECK((found == plain));
}

}  // namespace
}  // namespace vmkit::ext4
