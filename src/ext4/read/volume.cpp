// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/volume.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"
#include "ext4/read/corrupt.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

using SuperblockBytes = std::span<const std::byte, superblock_size>;

constexpr std::size_t superblock_checksum_at = superblock_size - 4;
constexpr std::uint32_t least_inode_size = 128;
constexpr std::uint32_t least_descriptor_size = 32;

constexpr std::uint32_t readable_incompat =
    incompat::filetype | incompat::needs_recovery | incompat::meta_bg | incompat::extents |
    incompat::has_64bit | incompat::mmp | incompat::flex_bg | incompat::ea_inode |
    incompat::metadata_csum_seed | incompat::large_dir | incompat::inline_data;

[[noreturn]] void bad_superblock(const std::string& what) {
  throw_corrupt({}, "superblock: " + what);
}

std::uint16_t get16(SuperblockBytes bytes, std::size_t at) {
  return load_le<std::uint16_t>(&bytes[at]);
}
std::uint32_t get32(SuperblockBytes bytes, std::size_t at) {
  return load_le<std::uint32_t>(&bytes[at]);
}

void read_features(Volume& volume, SuperblockBytes bytes) {
  constexpr std::uint32_t dynamic_revision = 1;
  if (get32(bytes, 0x4c) < dynamic_revision) {
    volume.inode_size = least_inode_size;
    volume.first_inode = first_free_ino;
    return;
  }
  volume.features = {get32(bytes, 0x5c), get32(bytes, 0x60), get32(bytes, 0x64)};
  volume.first_inode = get32(bytes, 0x54);
  volume.inode_size = get16(bytes, 0x58);
  const std::uint32_t unknown = volume.features.incompat & ~readable_incompat;
  if (unknown == 0) return;
  std::string names;
  for (const std::string& name : feature_names({0, unknown, 0})) {
    names += (names.empty() ? "" : ", ") + name;
  }
  throw Error(Errc::unsupported, "ext4 image with features that are not supported: " + names);
}

void check_checksum(const Volume& volume, SuperblockBytes bytes) {
  if (!volume.checksums()) return;
  constexpr std::byte crc32c_kind{1};
  if (bytes[0x175] != crc32c_kind) {
    throw Error(Errc::unsupported, "ext4 image with checksums of kind " +
                                       std::to_string(static_cast<unsigned>(bytes[0x175])) +
                                       ", expected 1 (CRC-32C)");
  }
  const std::uint32_t expected = crc32c(~std::uint32_t{0}, bytes.first<superblock_checksum_at>());
  const std::uint32_t found = get32(bytes, superblock_checksum_at);
  if (expected != found) throw_checksum({}, "the superblock", expected, found);
}

void read_sizes(Volume& volume, SuperblockBytes bytes, ByteSize device_size) {
  const std::uint32_t log_size = get32(bytes, 0x18);
  if (log_size > 2) {
    throw Error(Errc::unsupported, "ext4 image with blocks of " +
                                       (log_size < 16 ? std::to_string(1024U << log_size)
                                                      : "2^" + std::to_string(log_size + 10ULL)) +
                                       " bytes: 1024, 2048 and 4096 are supported");
  }
  volume.block_size = 1024U << log_size;
  const bool wide = volume.has_incompat(incompat::has_64bit);
  const auto wide32 = [&](std::size_t low, std::size_t high) {
    return get32(bytes, low) | (wide ? std::uint64_t{get32(bytes, high)} << 32 : 0);
  };
  volume.blocks = wide32(0x04, 0x150);
  volume.free_blocks = wide32(0x0c, 0x158);
  volume.first_data_block = get32(bytes, 0x14);
  volume.blocks_per_group = get32(bytes, 0x20);
  volume.clusters_per_group = get32(bytes, 0x24);
  volume.inodes_per_group = get32(bytes, 0x28);
  volume.inodes = get32(bytes, 0x00);
  volume.free_inodes = get32(bytes, 0x10);
  volume.descriptor_size = wide ? get16(bytes, 0xfe) : least_descriptor_size;
  volume.first_meta_group = get32(bytes, 0x104);
  if (volume.blocks > device_size.bytes() / volume.block_size) {
    bad_superblock(std::to_string(volume.blocks) + " blocks of " +
                   std::to_string(volume.block_size) + " bytes do not fit into a device of " +
                   to_string(device_size));
  }
}

void check_sizes(const Volume& volume) {
  const std::uint32_t most_in_group = 8 * volume.block_size;
  if (volume.first_data_block != (volume.block_size == 1024 ? 1 : 0)) {
    bad_superblock("first data block " + std::to_string(volume.first_data_block));
  }
  if (volume.blocks <= volume.first_data_block + std::uint64_t{1}) {
    bad_superblock(std::to_string(volume.blocks) + " blocks");
  }
  const bool clusters = volume.has_ro_compat(ro_compat::bigalloc);
  if (volume.clusters_per_group == 0 || volume.clusters_per_group > most_in_group ||
      volume.blocks_per_group < volume.clusters_per_group ||
      (!clusters && volume.blocks_per_group != volume.clusters_per_group)) {
    bad_superblock(std::to_string(volume.blocks_per_group) + " blocks a group");
  }
  if (!std::has_single_bit(volume.inode_size) || volume.inode_size < least_inode_size ||
      volume.inode_size > volume.block_size) {
    bad_superblock("inodes of " + std::to_string(volume.inode_size) + " bytes");
  }
  if (volume.inodes_per_group < volume.block_size / volume.inode_size ||
      volume.inodes_per_group > most_in_group || volume.inodes_per_group % 8 != 0) {
    bad_superblock(std::to_string(volume.inodes_per_group) + " inodes a group");
  }
  if (!std::has_single_bit(volume.descriptor_size) ||
      volume.descriptor_size < least_descriptor_size ||
      volume.descriptor_size > volume.block_size ||
      (volume.has_incompat(incompat::has_64bit) && volume.descriptor_size < descriptor_size)) {
    bad_superblock("group descriptors of " + std::to_string(volume.descriptor_size) + " bytes");
  }
}

void find_groups(Volume& volume) {
  const std::uint64_t groups =
      ceil_div(volume.blocks - volume.first_data_block, volume.blocks_per_group);
  if (groups * volume.inodes_per_group != volume.inodes) {
    bad_superblock(std::to_string(volume.inodes) + " inodes, expected " +
                   std::to_string(volume.inodes_per_group) + " in each of " +
                   std::to_string(groups) + " groups");
  }
  volume.groups = static_cast<std::uint32_t>(groups);
}

}  // namespace

Volume decode_superblock(SuperblockBytes superblock, ByteSize device_size) {
  constexpr std::uint16_t magic = 0xef53;
  constexpr std::uint32_t flag_unsigned_hash = 2;
  constexpr std::uint16_t state_valid = 1;
  constexpr std::uint16_t state_errors = 2;
  if (get16(superblock, 0x38) != magic) {
    throw_corrupt({}, "this is no ext4 image (no magic number in its superblock)");
  }
  Volume volume;
  read_features(volume, superblock);
  check_checksum(volume, superblock);
  read_sizes(volume, superblock, device_size);
  check_sizes(volume);
  find_groups(volume);
  std::memcpy(volume.uuid.data(), &superblock[0x68], volume.uuid.size());
  const auto* label = reinterpret_cast<const char*>(&superblock[0x78]);
  volume.label.assign(label, std::find(label, label + 16, '\0'));
  for (std::size_t i = 0; i < volume.hash_seed.size(); ++i) {
    volume.hash_seed[i] = get32(superblock, 0xec + 4 * i);
  }
  volume.unmounted = (get16(superblock, 0x3a) & (state_valid | state_errors)) == state_valid;
  volume.unsigned_hash = (get32(superblock, 0x160) & flag_unsigned_hash) != 0;
  if (volume.has_compat(compat::has_journal)) volume.journal_ino = get32(superblock, 0xe0);
  volume.backup_groups = {get32(superblock, 0x24c), get32(superblock, 0x250)};
  volume.checksum_seed = volume.has_incompat(incompat::metadata_csum_seed)
                             ? get32(superblock, 0x270)
                             : file_system_checksum_seed(volume.uuid);
  return volume;
}

}  // namespace vmkit::ext4
