// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ext4/format/superblock.hpp"
#include "ext4/read/group.hpp"

namespace vmkit::ext4 {

/// Changes in `descriptor`, which stands in an image, what a commit changes: counts, the checksums
/// of the bitmaps and whether they are written. All else in it stays.
void update_descriptor(std::span<std::byte> descriptor, const GroupDescriptor& facts,
                       std::uint32_t group, std::uint32_t checksum_seed);

/// Changes where bitmaps and inode table stand; update_descriptor() has to follow.
void place_descriptor(std::span<std::byte> descriptor, const GroupDescriptor& facts);

void mark_table_zeroed(std::span<std::byte> descriptor);
/// Whether bytes of the inode table that were never used read as zero.
bool table_is_zeroed(std::span<const std::byte> descriptor);

/// Changes the counts of free blocks and inodes, and ends the list of orphans.
void update_superblock(std::span<std::byte, superblock_size> superblock, std::uint64_t free_blocks,
                       std::uint32_t free_inodes);

/// When the file system was made, as its superblock says.
Timestamp superblock_created(std::span<const std::byte, superblock_size> superblock);

}  // namespace vmkit::ext4
