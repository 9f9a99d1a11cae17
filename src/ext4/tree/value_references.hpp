// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "ext4/read/block_source.hpp"
#include "ext4/read/inode.hpp"

namespace vmkit::ext4 {

/// The inodes that hold values of extended attributes of another inode.
struct ValueReferences {
  std::vector<std::uint32_t> inodes;
  std::uint64_t blocks = 0;  ///< As they count for the inode that has the attributes.
  bool shared = false;       ///< Some are in a block that other inodes have too.
};

ValueReferences read_value_references(BlockSource& source, const InodeRecord& inode);

}  // namespace vmkit::ext4
