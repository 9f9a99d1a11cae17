// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "ext4/read/block_source.hpp"
#include "ext4/read/inode.hpp"

namespace vmkit::ext4 {

/// Fills `buffer` with the content of a file from byte `offset` on, as far as it goes; returns how
/// much that is. Holes and what is allocated but unwritten read as zeros.
std::size_t read_file(BlockSource& source, const InodeRecord& inode, std::uint64_t offset,
                      std::span<std::byte> buffer);

/// The target of a symlink, 1 to 4095 bytes. Throws data_corruption.
std::string read_symlink(BlockSource& source, const InodeRecord& inode);

}  // namespace vmkit::ext4
