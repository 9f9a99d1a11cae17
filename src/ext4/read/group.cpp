// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/group.hpp"

#include <array>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"
#include "ext4/read/corrupt.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t group_checksum_at = 0x1e;

/// Of uninit_bg: CRC-16 (ANSI), reflected.
std::uint16_t crc16(std::uint16_t crc, std::span<const std::byte> data) {
  for (const std::byte byte : data) {
    crc = static_cast<std::uint16_t>(crc ^ static_cast<std::uint16_t>(byte));
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<std::uint16_t>((crc >> 1) ^ ((crc & 1) != 0 ? 0xa001 : 0));
    }
  }
  return crc;
}

std::uint16_t descriptor_checksum(const Volume& volume, std::uint32_t group,
                                  std::span<const std::byte> bytes) {
  const auto before = bytes.first(group_checksum_at);
  const auto after = bytes.subspan(group_checksum_at + 2);
  if (volume.checksums()) {
    constexpr std::array<std::byte, 2> nothing{};
    std::uint32_t crc = crc32c(crc32c_le32(volume.checksum_seed, group), before);
    crc = crc32c(crc32c(crc, nothing), after);
    return static_cast<std::uint16_t>(crc);
  }
  std::array<std::byte, 4> number;
  store_le(number.data(), group);
  return crc16(crc16(crc16(crc16(0xffff, volume.uuid), number), before), after);
}

bool is_power_of(std::uint32_t number, std::uint32_t base) {
  while (number % base == 0) number /= base;
  return number == 1;
}

void check_place(const Volume& volume, std::uint32_t group, const char* what, std::uint64_t block,
                 std::uint64_t count) {
  if (volume.holds(block, count)) return;
  throw_corrupt({0, block}, "the " + std::string(what) + " of group " + std::to_string(group) +
                                " is not within the image's " + std::to_string(volume.blocks) +
                                " blocks");
}

void check_bitmap(const Volume& volume, std::uint32_t group, std::uint64_t block, const char* what,
                  std::uint32_t recorded, std::span<const std::byte> bits) {
  if (!volume.checksums()) return;
  // Descriptors of 32 bytes have room for half of it.
  const std::uint32_t mask = volume.descriptor_size >= descriptor_size ? ~std::uint32_t{0} : 0xffff;
  const std::uint32_t expected = crc32c(volume.checksum_seed, bits) & mask;
  if (expected == (recorded & mask)) return;
  throw_checksum({0, block}, std::string(what) + " of group " + std::to_string(group), expected,
                 recorded & mask);
}

}  // namespace

bool has_superblock(const Volume& volume, std::uint32_t group) {
  if (group == 0) return true;
  if (volume.has_compat(compat::sparse_super2)) {
    return group == volume.backup_groups[0] || group == volume.backup_groups[1];
  }
  if (!volume.has_ro_compat(ro_compat::sparse_super) || group == 1) return true;
  return group % 2 != 0 &&
         (is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7));
}

std::uint64_t descriptor_block(const Volume& volume, std::uint32_t group) {
  const std::uint32_t in_block = volume.block_size / volume.descriptor_size;
  const std::uint32_t index = group / in_block;
  if (!volume.has_incompat(incompat::meta_bg) || index < volume.first_meta_group) {
    return volume.first_data_block + std::uint64_t{1} + index;
  }
  const std::uint32_t first = index * in_block;
  return volume.group_first_block(first) + (has_superblock(volume, first) ? 1 : 0);
}

GroupDescriptor decode_descriptor(const Volume& volume, std::uint32_t group,
                                  std::span<const std::byte> bytes) {
  constexpr std::uint16_t inode_uninit = 1;
  constexpr std::uint16_t block_uninit = 2;
  const bool wide = volume.descriptor_size >= descriptor_size;
  const bool checked = volume.checksums() || volume.has_ro_compat(ro_compat::uninit_bg);
  if (checked) {
    const auto found = load_le<std::uint16_t>(&bytes[group_checksum_at]);
    const std::uint16_t expected =
        descriptor_checksum(volume, group, bytes.first(volume.descriptor_size));
    if (expected != found) {
      throw_checksum({}, "the descriptor of group " + std::to_string(group), expected, found);
    }
  }
  const auto get = [&](std::size_t low, std::size_t high) {
    return load_le<std::uint32_t>(&bytes[low]) |
           (wide ? std::uint64_t{load_le<std::uint32_t>(&bytes[high])} << 32 : 0);
  };
  const auto get_half = [&](std::size_t low, std::size_t high) {
    return load_le<std::uint16_t>(&bytes[low]) |
           (wide ? std::uint32_t{load_le<std::uint16_t>(&bytes[high])} << 16 : 0);
  };
  GroupDescriptor facts;
  facts.block_bitmap = get(0x00, 0x20);
  facts.inode_bitmap = get(0x04, 0x24);
  facts.inode_table = get(0x08, 0x28);
  facts.free_blocks = get_half(0x0c, 0x2c);
  facts.free_inodes = get_half(0x0e, 0x2e);
  facts.directories = get_half(0x10, 0x30);
  facts.block_bitmap_checksum = get_half(0x18, 0x38);
  facts.inode_bitmap_checksum = get_half(0x1a, 0x3a);
  if (checked) {
    const auto flags = load_le<std::uint16_t>(&bytes[0x12]);
    facts.block_bitmap_written = (flags & block_uninit) == 0;
    facts.inode_bitmap_written = (flags & inode_uninit) == 0;
    facts.unused_inodes = get_half(0x1c, 0x32);
  }
  if (facts.unused_inodes > volume.inodes_per_group) {
    throw_corrupt({}, "the descriptor of group " + std::to_string(group) + " has " +
                          std::to_string(facts.unused_inodes) + " unused inodes of " +
                          std::to_string(volume.inodes_per_group));
  }
  check_place(volume, group, "block bitmap", facts.block_bitmap, 1);
  check_place(volume, group, "inode bitmap", facts.inode_bitmap, 1);
  check_place(
      volume, group, "inode table", facts.inode_table,
      ceil_div(std::uint64_t{volume.inodes_per_group} * volume.inode_size, volume.block_size));
  return facts;
}

GroupDescriptor read_descriptor(BlockSource& source, std::uint32_t group) {
  const Volume& volume = source.volume();
  const std::uint32_t in_block = volume.block_size / volume.descriptor_size;
  std::array<std::byte, largest_block> buffer;
  const auto bytes = std::span(buffer).first(volume.descriptor_size);
  source.read(descriptor_block(volume, group),
              std::size_t{group % in_block} * volume.descriptor_size, bytes);
  return decode_descriptor(volume, group, bytes);
}

void check_block_bitmap(const Volume& volume, std::uint32_t group, const GroupDescriptor& facts,
                        std::span<const std::byte> bitmap) {
  check_bitmap(volume, group, facts.block_bitmap, "the block bitmap", facts.block_bitmap_checksum,
               bitmap.first(volume.clusters_per_group / 8));
}

void check_inode_bitmap(const Volume& volume, std::uint32_t group, const GroupDescriptor& facts,
                        std::span<const std::byte> bitmap) {
  check_bitmap(volume, group, facts.inode_bitmap, "the inode bitmap", facts.inode_bitmap_checksum,
               bitmap.first(volume.inodes_per_group / 8));
}

}  // namespace vmkit::ext4
