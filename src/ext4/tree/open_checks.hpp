// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "ext4/format/superblock.hpp"
#include "ext4/read/volume.hpp"
#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {

/// Throws unsupported unless an image of this kind can be changed: the features that are too much
/// or missing.
void check_editable(const Volume& volume);
/// Throws failed_precondition if the image has to be repaired first. Its journal is replayed.
void check_clean(std::span<const std::byte, superblock_size> superblock);

/// The inode of the orphan file; 0: there is none.
std::uint32_t orphan_file_of(const Image& image);

/// The blocks at the start of `group` that hold copies of superblock and descriptors, and room for
/// more descriptors.
std::uint32_t group_base_blocks(const Volume& volume,
                                std::span<const std::byte, superblock_size> superblock,
                                std::uint32_t group);

}  // namespace vmkit::ext4
