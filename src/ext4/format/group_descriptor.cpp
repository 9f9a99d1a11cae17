// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/group_descriptor.hpp"

#include "ext4/format/crc32c.hpp"
#include "ext4/format/features.hpp"
#include "ext4/format/format.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint16_t flag_inode_uninit = 1;
constexpr std::uint16_t flag_block_uninit = 2;
constexpr std::uint16_t flag_inode_zeroed = 4;
constexpr std::size_t descriptor_flags_at = 0x12;
constexpr std::size_t descriptor_checksum_at = 0x1e;

}  // namespace

void update_descriptor(std::span<std::byte> descriptor, const GroupDescriptor& facts,
                       std::uint32_t group, std::uint32_t checksum_seed) {
  const auto put = [&](std::size_t low, std::size_t high, std::uint32_t value) {
    store_le(&descriptor[low], static_cast<std::uint16_t>(value));
    if (high + 2 <= descriptor.size()) {
      store_le(&descriptor[high], static_cast<std::uint16_t>(value >> 16));
    }
  };
  std::uint16_t flags = load_le<std::uint16_t>(&descriptor[descriptor_flags_at]);
  flags &= static_cast<std::uint16_t>(~(flag_inode_uninit | flag_block_uninit));
  if (!facts.block_bitmap_written) flags |= flag_block_uninit;
  if (!facts.inode_bitmap_written) flags |= flag_inode_uninit;
  put(0x0c, 0x2c, facts.free_blocks);
  put(0x0e, 0x2e, facts.free_inodes);
  put(0x10, 0x30, facts.directories);
  store_le(&descriptor[descriptor_flags_at], flags);
  put(0x18, 0x38, facts.block_bitmap_checksum);
  put(0x1a, 0x3a, facts.inode_bitmap_checksum);
  put(0x1c, 0x32, facts.unused_inodes);
  store_le(&descriptor[descriptor_checksum_at], std::uint16_t{0});
  const std::uint32_t checksum = crc32c(crc32c_le32(checksum_seed, group), descriptor);
  store_le(&descriptor[descriptor_checksum_at], static_cast<std::uint16_t>(checksum));
}

void place_descriptor(std::span<std::byte> descriptor, const GroupDescriptor& facts) {
  const auto put = [&](std::size_t low, std::size_t high, std::uint64_t value) {
    store_le(&descriptor[low], static_cast<std::uint32_t>(value));
    if (high + 4 <= descriptor.size()) {
      store_le(&descriptor[high], static_cast<std::uint32_t>(value >> 32));
    }
  };
  put(0x00, 0x20, facts.block_bitmap);
  put(0x04, 0x24, facts.inode_bitmap);
  put(0x08, 0x28, facts.inode_table);
}

void mark_table_zeroed(std::span<std::byte> descriptor) {
  const auto flags = load_le<std::uint16_t>(&descriptor[descriptor_flags_at]);
  store_le(&descriptor[descriptor_flags_at], static_cast<std::uint16_t>(flags | flag_inode_zeroed));
}

bool table_is_zeroed(std::span<const std::byte> descriptor) {
  return (load_le<std::uint16_t>(&descriptor[descriptor_flags_at]) & flag_inode_zeroed) != 0;
}

void update_superblock(std::span<std::byte, superblock_size> superblock, std::uint64_t free_blocks,
                       std::uint32_t free_inodes) {
  store_le(&superblock[0x0c], static_cast<std::uint32_t>(free_blocks));
  if ((load_le<std::uint32_t>(&superblock[0x60]) & incompat::has_64bit) != 0) {
    store_le(&superblock[0x158], static_cast<std::uint32_t>(free_blocks >> 32));
  }
  store_le(&superblock[0x10], free_inodes);
  store_le(&superblock[0xe8], std::uint32_t{0});
  address_superblock(superblock, 0);
}

Timestamp superblock_created(std::span<const std::byte, superblock_size> superblock) {
  const std::uint64_t high = std::to_integer<std::uint64_t>(superblock[0x276]);
  return {static_cast<std::int64_t>(high << 32 | load_le<std::uint32_t>(&superblock[0x108])), 0};
}

}  // namespace vmkit::ext4
