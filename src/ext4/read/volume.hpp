// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "ext4/format/features.hpp"
#include "ext4/format/htree_hash.hpp"
#include "ext4/format/superblock.hpp"

#include <vmkit/base/byte_size.hpp>

namespace vmkit::ext4 {

inline constexpr std::uint32_t largest_block = 4096;

/// What the superblock of an image that is read says, checked: all its numbers fit together and
/// into the device.
struct Volume {
  std::uint32_t block_size = 0;  ///< 1024, 2048 or 4096.
  std::uint64_t blocks = 0;
  std::uint64_t free_blocks = 0;
  std::uint32_t first_data_block = 0;  ///< 1 with blocks of 1 KiB, else 0.
  std::uint32_t blocks_per_group = 0;
  std::uint32_t clusters_per_group = 0;
  std::uint32_t inodes_per_group = 0;
  std::uint32_t groups = 0;
  std::uint32_t inodes = 0;
  std::uint32_t free_inodes = 0;
  std::uint32_t first_inode = 0;  ///< The first that is not reserved.
  std::uint32_t inode_size = 0;
  std::uint32_t descriptor_size = 0;  ///< 32 or more; 64 bytes of it mean something.
  std::uint32_t first_meta_group = 0;
  std::uint32_t journal_ino = 0;                    ///< 0: none.
  std::array<std::uint32_t, 2> backup_groups = {};  ///< With sparse_super2.
  Features features;
  std::array<std::byte, 16> uuid = {};
  std::string label;
  HtreeSeed hash_seed = {};
  bool unsigned_hash = false;
  bool unmounted = true;  ///< And without known errors.
  std::uint32_t checksum_seed = 0;

  bool has_compat(std::uint32_t bit) const { return (features.compat & bit) != 0; }
  bool has_incompat(std::uint32_t bit) const { return (features.incompat & bit) != 0; }
  bool has_ro_compat(std::uint32_t bit) const { return (features.ro_compat & bit) != 0; }
  /// Whether metadata carries CRC-32C.
  bool checksums() const { return has_ro_compat(ro_compat::metadata_csum); }

  std::uint64_t group_first_block(std::uint32_t group) const {
    return first_data_block + std::uint64_t{group} * blocks_per_group;
  }
  /// Whether blocks `first` to `first` + `count` - 1 may hold data or metadata of files.
  bool holds(std::uint64_t first, std::uint64_t count) const {
    return first > first_data_block && first < blocks && count <= blocks - first;
  }
};

/// `superblock`: the bytes at superblock_offset. Throws data_corruption (no ext4, a checksum,
/// numbers that make no sense or do not fit the device), unsupported with the names of features, or
/// another block size.
Volume decode_superblock(std::span<const std::byte, superblock_size> superblock,
                         ByteSize device_size);

}  // namespace vmkit::ext4
