// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ext4/read/block_source.hpp"
#include "ext4/read/volume.hpp"

namespace vmkit::ext4 {

/// A block group as its descriptor says it. The places lie within the volume.
struct GroupDescriptor {
  std::uint64_t block_bitmap = 0;
  std::uint64_t inode_bitmap = 0;
  std::uint64_t inode_table = 0;
  std::uint32_t free_blocks = 0;
  std::uint32_t free_inodes = 0;
  std::uint32_t directories = 0;
  std::uint32_t unused_inodes = 0;  ///< At the end of the table, never used.
  std::uint32_t block_bitmap_checksum = 0;
  std::uint32_t inode_bitmap_checksum = 0;
  bool block_bitmap_written = true;  ///< Else all but the group's own metadata is free.
  bool inode_bitmap_written = true;  ///< Else no inode of the group is in use.
};

/// Whether the group starts with a superblock (which one it is depends on the features).
bool has_superblock(const Volume& volume, std::uint32_t group);

/// The block that holds the descriptor of `group`.
std::uint64_t descriptor_block(const Volume& volume, std::uint32_t group);

/// `bytes`: volume.descriptor_size of them. Throws data_corruption (its checksum, places outside).
GroupDescriptor decode_descriptor(const Volume& volume, std::uint32_t group,
                                  std::span<const std::byte> bytes);

GroupDescriptor read_descriptor(BlockSource& source, std::uint32_t group);

/// Throws data_corruption unless `bitmap` (one block) has the checksum that its descriptor says.
void check_block_bitmap(const Volume& volume, std::uint32_t group, const GroupDescriptor& facts,
                        std::span<const std::byte> bitmap);
void check_inode_bitmap(const Volume& volume, std::uint32_t group, const GroupDescriptor& facts,
                        std::span<const std::byte> bitmap);

}  // namespace vmkit::ext4
