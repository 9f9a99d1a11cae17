// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/inode_record.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t short_record_size = 128;
/// Sectors are counted in blocks.
constexpr std::uint32_t sectors_are_blocks = 0x40000;

std::uint16_t type_bits(FileType type) {
  switch (type) {
    case FileType::fifo:
      return 0x1000;
    case FileType::character_device:
      return 0x2000;
    case FileType::directory:
      return 0x4000;
    case FileType::block_device:
      return 0x6000;
    case FileType::regular:
      return 0x8000;
    case FileType::symlink:
      return 0xa000;
    case FileType::socket:
      return 0xc000;
  }
  return 0;
}

}  // namespace

std::uint32_t inode_checksum_seed(std::uint32_t file_system_seed, std::uint32_t ino,
                                  std::uint32_t generation) {
  return crc32c_le32(crc32c_le32(file_system_seed, ino), generation);
}

void store_inode(std::span<std::byte> record, const Node& node, const InodePlacement& placement,
                 DiskTime created, std::uint32_t checksum_seed) {
  const auto put16 = [&](std::size_t at, std::uint64_t value) {
    store_le(&record[at], static_cast<std::uint16_t>(value));
  };
  const auto put32 = [&](std::size_t at, std::uint64_t value) {
    store_le(&record[at], static_cast<std::uint32_t>(value));
  };
  if (!node.same) std::memset(record.data(), 0, record.size());
  const std::uint32_t kept_flags = load_le<std::uint32_t>(&record[32]) &
                                   ~(inode_flag_index | inode_flag_extents | sectors_are_blocks);
  const std::size_t old_extra = load_le<std::uint16_t>(&record[128]);
  const bool all_fields = !node.same || node.xattrs_changed || !node.xattrs;
  const std::size_t extra = all_fields ? extra_isize : old_extra;
  if (all_fields) {
    const std::size_t known = short_record_size + std::min<std::size_t>(old_extra, extra_isize);
    std::memset(&record[known], 0, record.size() - known);
    put16(short_record_size, extra_isize);
  }
  const auto put_extra = [&](std::size_t at, std::uint32_t value) {
    if (at + sizeof value <= short_record_size + extra) put32(at, value);
  };
  const std::uint64_t sectors = placement.blocks * (block_size / 512);
  put16(0, type_bits(node.type) | node.permissions);
  put16(2, node.uid & 0xffff);
  put32(4, placement.size);
  put32(8, node.atime.seconds);
  put32(12, node.ctime.seconds);
  put32(16, node.mtime.seconds);
  put32(20, 0);  // not deleted, nor in the list of orphans
  put16(24, node.gid & 0xffff);
  // A value of an extended attribute keeps the count of its owners in place of the version.
  constexpr std::uint32_t value_inode = 0x200000;
  if (node.xattr_value) {
    put32(36, node.links);
    put_extra(152, 0);
  }
  const std::uint32_t links = node.xattr_value ? 1 : node.links;
  // dir_nlink: 1 stands for more subdirectories than can be counted.
  put16(26, links > max_links ? 1 : links);
  put32(28, sectors);
  put32(32, kept_flags | placement.flags | (node.xattr_value ? value_inode : 0));
  std::memcpy(&record[40], placement.block.data(), placement.block.size());
  put32(104, placement.xattr_block);
  put32(108, placement.size >> 32);
  put16(116, sectors >> 32);
  put16(118, placement.xattr_block >> 32);
  put16(120, node.uid >> 16);
  put16(122, node.gid >> 16);
  put_extra(132, node.ctime.extra);
  put_extra(136, node.mtime.extra);
  put_extra(140, node.atime.extra);
  if (!node.same) {
    put32(144, created.seconds);
    put32(148, created.extra);
  }
  if (all_fields && node.xattrs) {
    node.xattrs->store_in_inode(record.subspan(short_record_size + extra_isize));
  }
  put16(124, 0);
  put16(130, 0);
  const std::uint32_t checksum = crc32c(checksum_seed, record);
  put16(124, checksum & 0xffff);
  put16(130, checksum >> 16);
}

std::array<std::byte, 60> device_block(DeviceNumber device) {
  std::array<std::byte, 60> block{};
  if (device.major < 256 && device.minor < 256) {
    store_le(&block[0], (device.major << 8) | device.minor);
  } else {
    store_le(&block[4], (device.minor & 0xff) | (device.major << 8) | ((device.minor >> 8) << 20));
  }
  return block;
}

}  // namespace vmkit::ext4
