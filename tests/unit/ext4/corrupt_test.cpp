// SPDX-License-Identifier: Apache-2.0
// Images that contradict themselves: the error says what and where.
#include <array>
#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <vector>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/inode_record.hpp"
#include "ext4/read/block_source.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/read/group.hpp"
#include "ext4/read/open_image.hpp"
#include "support/errors.hpp"
#include "support/memory_block_device.hpp"
#include "unit/ext4/image.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

using namespace test;
using vmkit::test::check_error;
using vmkit::test::MemoryBlockDevice;

constexpr std::size_t block = 4096;

/// A small image, and where in it things are.
struct Fixture {
  MemoryBlockDevice device;
  Inode folder{};
  Inode file{};
  Inode scattered{};

  Fixture() {
    Filesystem fs = Filesystem::format(device, options_of(4_MiB));
    folder = fs.make_directory(fs.root(), "folder", {.permissions = 0755});
    file = add_file(fs, folder, "file", pattern(10'000));
    fs.set_xattrs(file, {{"user.large", std::string(2000, 'x')}});
    FileWriter writer = fs.make_file(fs.root(), "scattered", {.permissions = 0644});
    for (int i = 0; i < 20; ++i) {
      writer.write(bytes_of(std::string(block, 's')));
      writer.skip(block);
    }
    writer.finish();
    scattered = writer.inode();
    fs.commit();
  }

  std::span<std::byte> bytes(std::uint64_t at, std::size_t size) {
    buffer.resize(size);
    device.read_at(at, buffer);
    return buffer;
  }
  void change(std::uint64_t at, std::uint32_t value) {
    std::array<std::byte, 4> data;
    store_le(data.data(), value);
    device.write_at(at, data);
  }
  void flip(std::uint64_t at) {
    std::byte byte;
    device.read_at(at, {&byte, 1});
    byte ^= std::byte{1};
    device.write_at(at, {&byte, 1});
  }

  std::uint64_t place_of(Inode inode) {
    const Volume volume = read_volume(device);
    BlockSource source(device, volume);
    return read_descriptor(source, 0).inode_table * block +
           (static_cast<std::uint64_t>(inode) - 1) * 256;
  }
  InodeRecord record(Inode inode) {
    const Volume volume = read_volume(device);
    BlockSource source(device, volume);
    std::array<std::byte, largest_block> buffer_of_record;
    InodeRecord result = read_inode(source, static_cast<std::uint32_t>(inode), buffer_of_record);
    result.xattr_area = {};
    return result;
  }
  std::uint64_t first_block_of(Inode inode) {
    const Volume volume = read_volume(device);
    BlockSource source(device, volume);
    std::uint64_t place = 0;
    walk_file(source, record(inode), 0, [&](const MappedBlocks& piece) {
      place = piece.physical * block;
      return false;
    });
    return place;
  }

  /// Gives an inode the checksum that fits it.
  void seal(Inode inode) {
    const Volume volume = read_volume(device);
    const std::uint64_t at = place_of(inode);
    const auto ino = static_cast<std::uint32_t>(inode);
    auto data = bytes(at, 256);
    store_le(&data[124], std::uint16_t{0});
    store_le(&data[130], std::uint16_t{0});
    const std::uint32_t crc = crc32c(inode_checksum_seed(volume.checksum_seed, ino), data);
    store_le(&data[124], static_cast<std::uint16_t>(crc));
    store_le(&data[130], static_cast<std::uint16_t>(crc >> 16));
    device.write_at(at, data);
  }
  /// The same for the block of a folder.
  void seal_folder(Inode inode) {
    const std::uint32_t seed = record(inode).checksum_seed;
    const std::uint64_t at = first_block_of(inode);
    const auto data = bytes(at, block);
    change(at + block - 4, crc32c(seed, data.first(block - 12)));
  }

  void fails(std::initializer_list<std::string_view> words,
             const std::function<void(Reader&)>& call) {
    check_error(Errc::data_corruption, words, [&] {
      Reader reader = Reader::open(device);
      call(reader);
    });
  }

  std::vector<std::byte> buffer;
};

void nothing(Reader&) {}

TEST_CASE_FIXTURE(Fixture, "a changed bit anywhere in the metadata is found and told") {
  const std::string number = std::to_string(static_cast<unsigned>(file));
  const auto list = [&](Reader& reader) { reader.for_each_entry(folder, [](auto, auto) {}); };
  const auto look = [&](Reader& reader) { reader.stat(file); };
  const auto xattrs = [&](Reader& reader) { reader.xattrs(file); };
  const auto map = [&](Reader& reader) {
    reader.for_each_extent(scattered, [](const FileExtent&) { return true; });
  };
  const std::uint64_t xattr_block = record(file).xattr_block;
  const std::uint64_t extent_block = load_le<std::uint32_t>(&record(scattered).block[16]);
  struct Place {
    std::uint64_t at;
    std::initializer_list<std::string_view> words;
    std::function<void(Reader&)> call;
  };
  const std::vector<Place> places = {
      {1024 + 0x20, {"checksum of the superblock", "expected 0x", "found 0x"}, nothing},
      {block + 12, {"descriptor of group 0"}, look},
      {place_of(file) + 20, {"ext4 inode " + number + ":", "checksum of the inode"}, look},
      {place_of(file) + 250, {"checksum of the inode"}, look},
      {first_block_of(folder) + 100, {"checksum of a block of the folder", "block "}, list},
      {xattr_block * block + 3000,
       {"extended attributes", "block " + std::to_string(xattr_block)},
       xattrs},
      {extent_block * block + 50,
       {"checksum of the extent tree", "block " + std::to_string(extent_block)},
       map},
  };
  for (const Place& place : places) {
    Reader whole = Reader::open(device);
    place.call(whole);
    flip(place.at);
    fails(place.words, place.call);
    flip(place.at);
  }
}

TEST_CASE_FIXTURE(Fixture, "checksums that fit do not make sense of nonsense") {
  const auto map = [&](Reader& reader) {
    reader.for_each_extent(scattered, [](const FileExtent&) { return true; });
  };
  const auto list = [&](Reader& reader) { reader.for_each_entry(folder, [](auto, auto) {}); };
  const std::uint64_t inode = place_of(scattered);
  const auto leaf = load_le<std::uint32_t>(&record(scattered).block[16]);
  // The tree is said to be deeper than it is; then to begin in the inode table; then outside.
  change(inode + 40 + 4, 0x00020004);
  seal(scattered);
  fails({"level 0, expected level 1"}, map);
  change(inode + 40 + 4, 0x00010004);
  change(inode + 40 + 16, static_cast<std::uint32_t>(inode / block));
  seal(scattered);
  fails({"no extent tree where one should be"}, map);
  change(inode + 40 + 16, 5000);
  seal(scattered);
  fails({"block 5000", "not within the image"}, map);
  change(inode + 40 + 16, leaf);
  seal(scattered);

  // An extent longer than the image, in the inode of a small file.
  change(place_of(file) + 40 + 16, 0x8000);
  seal(file);
  fails({"32768 blocks from", "not within the image"}, [&](Reader& reader) {
    std::array<std::byte, 10> data;
    reader.read(file, 0, data);
  });

  // A folder whose first entry has no end; whose entry names no inode; a hole in a folder.
  const std::uint64_t entries = first_block_of(folder);
  change(entries + 4, 0x02010000);
  seal_folder(folder);
  fails({"folder entry at byte 0", "a length of 0"}, list);
  change(entries + 4, 0x0201000c);
  change(entries + 24, 1'000'000);
  seal_folder(folder);
  fails({"folder entry at byte 24", "inode 1000000"}, list);
  change(entries + 24, static_cast<std::uint32_t>(scattered) + 3);
  seal_folder(folder);
  fails({"never used"}, [&](Reader& reader) { reader.stat(*reader.lookup(folder, "file")); });
  change(place_of(folder) + 4, 2 * block);
  seal(folder);
  fails({"block 1 of the folder's 2 is missing"}, list);
}

TEST_CASE_FIXTURE(Fixture, "what is no image, too large for its device, or of a kind not known") {
  const auto write_superblock = [&](std::size_t at, std::uint32_t value) {
    std::array<std::byte, superblock_size> superblock;
    device.read_at(superblock_offset, superblock);
    store_le(&superblock[at], value);
    address_superblock(superblock, 0);
    device.write_at(superblock_offset, superblock);
  };
  write_superblock(0x60, 0x2c2 | 0x10000 | 0x80000000);
  check_error(Errc::unsupported, {"encrypt, FEATURE_I31"}, [&] { Reader::open(device); });
  write_superblock(0x60, 0x2c2);
  write_superblock(0x18, 6);
  check_error(Errc::unsupported, {"blocks of 65536 bytes"}, [&] { Reader::open(device); });
  write_superblock(0x18, 2);
  write_superblock(0x28, 8);
  fails({"8 inodes a group"}, nothing);
  write_superblock(0x28, 1024);
  write_superblock(0x04, 2000);
  fails({"2000 blocks of 4096 bytes do not fit", "4 MiB"}, nothing);
  device.write_at(0, std::vector<std::byte>(block));
  fails({"no ext4 image"}, nothing);
  device.resize(1000_B);
  fails({"1000 B", "too small"}, nothing);
}

}  // namespace
}  // namespace vmkit::ext4
