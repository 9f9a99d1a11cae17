// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/superblock.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/features.hpp"
#include "ext4/format/format.hpp"
#include "ext4/format/times.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t log_block_size = 2;  // 1024 << 2
constexpr std::uint8_t log_groups_per_flex = 4;
constexpr std::uint32_t flag_unsigned_hash = 2;
constexpr std::uint32_t default_mount_xattr_acl = 0xc;

}  // namespace

std::uint32_t file_system_checksum_seed(const std::array<std::byte, 16>& uuid) {
  return crc32c(~std::uint32_t{0}, uuid);
}

HtreeSeed htree_seed(const FormatOptions& options) {
  HtreeSeed seed;
  for (std::size_t i = 0; i < seed.size(); ++i) {
    seed[i] = load_le<std::uint32_t>(&options.hash_seed[4 * i]);
  }
  return seed;
}

std::array<std::byte, superblock_size> make_superblock(const FormatOptions& options,
                                                       const Geometry& geometry,
                                                       const SuperblockFacts& facts) {
  std::array<std::byte, superblock_size> block{};
  const auto put8 = [&](std::size_t at, std::uint8_t value) { block[at] = std::byte{value}; };
  const auto put16 = [&](std::size_t at, std::uint64_t value) {
    store_le(&block[at], static_cast<std::uint16_t>(value));
  };
  const auto put32 = [&](std::size_t at, std::uint64_t value) {
    store_le(&block[at], static_cast<std::uint32_t>(value));
  };
  const auto put_wide = [&](std::size_t low, std::size_t high, std::uint64_t value) {
    put32(low, value);
    put32(high, value >> 32);
  };
  // These fields have 40 bits of seconds, without a sign.
  const std::int64_t created = std::max<std::int64_t>(storable_time(options.created).seconds, 0);
  const auto put_time = [&](std::size_t low, std::size_t high) {
    put32(low, static_cast<std::uint64_t>(created));
    put8(high, static_cast<std::uint8_t>(created >> 32));
  };

  put32(0x00, std::uint64_t{facts.inodes_per_group} * geometry.groups());
  put_wide(0x04, 0x150, geometry.blocks());
  put_wide(0x0c, 0x158, facts.free_blocks);
  put32(0x10, facts.free_inodes);
  put32(0x18, log_block_size);
  put32(0x1c, log_block_size);
  put32(0x20, blocks_per_group);
  put32(0x24, blocks_per_group);
  put32(0x28, facts.inodes_per_group);
  put_time(0x30, 0x274);  // last written
  put16(0x36, 0xffff);    // no check after so many mounts
  put16(0x38, 0xef53);
  put16(0x3a, 1);         // clean
  put16(0x3c, 1);         // on errors: go on
  put_time(0x40, 0x277);  // last checked
  put32(0x4c, 1);         // the revision with inodes of any size
  put32(0x54, first_free_ino);
  put16(0x58, inode_size);
  std::uint32_t compat = compat::ext_attr | compat::dir_index;
  if (facts.journal_block) compat |= compat::has_journal;
  put32(0x5c, compat);
  put32(0x60, incompat::filetype | incompat::extents | incompat::has_64bit | incompat::flex_bg);
  put32(0x64, ro_compat::sparse_super | ro_compat::large_file | ro_compat::huge_file |
                  ro_compat::dir_nlink | ro_compat::extra_isize_feature | ro_compat::metadata_csum);
  std::memcpy(&block[0x68], options.uuid.data(), options.uuid.size());
  std::memcpy(&block[0x78], options.label.data(), options.label.size());
  std::memcpy(&block[0xec], options.hash_seed.data(), options.hash_seed.size());
  put8(0xfc, half_md4);
  put16(0xfe, descriptor_size);
  put32(0x100, default_mount_xattr_acl);
  put_time(0x108, 0x276);  // made
  if (facts.journal_block) {
    put32(0xe0, journal_ino);
    put8(0xfd, 1);  // a copy of the journal's i_block, then of its size, high half first
    std::memcpy(&block[0x10c], facts.journal_block->data(), facts.journal_block->size());
    put_wide(0x10c + 64, 0x10c + 60, facts.journal_size);
  }
  put16(0x15c, extra_isize);
  put16(0x15e, extra_isize);
  put32(0x160, flag_unsigned_hash);
  put8(0x174, log_groups_per_flex);
  put8(0x175, 1);  // checksums are CRC-32C
  address_superblock(block, 0);
  return block;
}

void address_superblock(std::span<std::byte, superblock_size> superblock, std::uint32_t group) {
  constexpr std::size_t checksum_at = superblock_size - 4;
  store_le(&superblock[0x5a], static_cast<std::uint16_t>(group));
  store_le(&superblock[checksum_at], crc32c(~std::uint32_t{0}, superblock.first<checksum_at>()));
}

void store_descriptor(std::span<std::byte> descriptor, const GroupFacts& facts, std::uint32_t group,
                      std::uint32_t checksum_seed) {
  constexpr std::uint16_t inode_uninit = 1;
  constexpr std::uint16_t block_uninit = 2;
  constexpr std::uint16_t inode_zeroed = 4;
  const auto put = [&](std::size_t low, std::size_t high, std::uint64_t value) {
    store_le(&descriptor[low], static_cast<std::uint32_t>(value));
    store_le(&descriptor[high], static_cast<std::uint32_t>(value >> 32));
  };
  const auto put_half = [&](std::size_t low, std::size_t high, std::uint32_t value) {
    store_le(&descriptor[low], static_cast<std::uint16_t>(value));
    store_le(&descriptor[high], static_cast<std::uint16_t>(value >> 16));
  };
  std::uint16_t flags = inode_zeroed;
  if (!facts.block_bitmap_written) flags |= block_uninit;
  if (!facts.inode_bitmap_written) flags |= inode_uninit;
  std::memset(descriptor.data(), 0, descriptor_size);
  put(0x00, 0x20, facts.block_bitmap);
  put(0x04, 0x24, facts.inode_bitmap);
  put(0x08, 0x28, facts.inode_table);
  put_half(0x0c, 0x2c, facts.free_blocks);
  put_half(0x0e, 0x2e, facts.free_inodes);
  put_half(0x10, 0x30, facts.directories);
  store_le(&descriptor[0x12], flags);
  put_half(0x18, 0x38, facts.block_bitmap_checksum);
  put_half(0x1a, 0x3a, facts.inode_bitmap_checksum);
  put_half(0x1c, 0x32, facts.unused_inodes);
  const std::uint32_t checksum =
      crc32c(crc32c_le32(checksum_seed, group), descriptor.first(descriptor_size));
  store_le(&descriptor[0x1e], static_cast<std::uint16_t>(checksum));
}

}  // namespace vmkit::ext4
