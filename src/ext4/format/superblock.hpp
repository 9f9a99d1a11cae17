// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ext4/format/geometry.hpp"
#include "ext4/format/htree_hash.hpp"

#include <vmkit/ext4/filesystem.hpp>

namespace vmkit::ext4 {

/// What the superblock says beyond FormatOptions and Geometry.
struct SuperblockFacts {
  std::uint64_t free_blocks = 0;
  std::uint32_t inodes_per_group = 0;
  std::uint32_t free_inodes = 0;
  /// i_block and size of the journal's inode: a copy of them stands in the superblock.
  std::optional<std::array<std::byte, 60>> journal_block = {};
  std::uint64_t journal_size = 0;
  bool xattr_values = false;  ///< Some are in inodes of their own.
};

inline constexpr std::size_t superblock_size = 1024;
inline constexpr std::uint64_t superblock_offset = 1024;

/// The seed of all checksums of a file system.
std::uint32_t file_system_checksum_seed(const std::array<std::byte, 16>& uuid);
HtreeSeed htree_seed(const FormatOptions& options);

std::array<std::byte, superblock_size> make_superblock(const FormatOptions& options,
                                                       const Geometry& geometry,
                                                       const SuperblockFacts& facts);
/// Makes `superblock` the copy that stands in `group`.
void address_superblock(std::span<std::byte, superblock_size> superblock, std::uint32_t group);

/// One block group as its descriptor says it.
struct GroupFacts {
  std::uint64_t block_bitmap = 0;
  std::uint64_t inode_bitmap = 0;
  std::uint64_t inode_table = 0;
  std::uint32_t free_blocks = 0;
  std::uint32_t free_inodes = 0;
  std::uint32_t directories = 0;
  std::uint32_t unused_inodes = 0;  ///< At the end of the table, never used.
  std::uint32_t block_bitmap_checksum = 0;
  std::uint32_t inode_bitmap_checksum = 0;
  bool block_bitmap_written = false;
  bool inode_bitmap_written = false;
};

/// Fills `descriptor` (64 bytes).
void store_descriptor(std::span<std::byte> descriptor, const GroupFacts& facts, std::uint32_t group,
                      std::uint32_t checksum_seed);

}  // namespace vmkit::ext4
