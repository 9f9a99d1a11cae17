// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "ext4/read/inode.hpp"
#include "ext4/read/volume.hpp"

namespace vmkit::ext4 {

/// The content of a file, symlink or folder that stands in its inode.
struct InlineData {
  std::span<const std::byte> block;  ///< i_block, or what of it the size covers.
  std::span<const std::byte> tail;   ///< Goes on here: the value of the attribute system.data.
};

/// Of an inode with that flag. Views into the inode and its record. Throws data_corruption if the
/// attribute is missing or too short for the size.
InlineData inline_data(const Volume& volume, const InodeRecord& inode);

}  // namespace vmkit::ext4
