// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "ext4/read/block_source.hpp"
#include "ext4/read/inode.hpp"

namespace vmkit::ext4 {

/// `length` blocks of a file from `logical` on stand at `physical`, all of them within the volume.
struct MappedBlocks {
  std::uint32_t logical = 0;
  std::uint64_t physical = 0;
  std::uint32_t length = 0;
  bool unwritten = false;  ///< Allocated, but reads as zeros.
};

/// Takes one piece; false: that was enough.
using MappedVisitor = std::function<bool(const MappedBlocks&)>;
/// Takes the number of a block that holds the map itself.
using MapBlockVisitor = std::function<void(std::uint64_t block)>;

/// Walks the blocks of a file, folder or slow symlink in ascending order, from the piece that holds
/// `first` (or the next one) on: extent trees and block maps. Those with data in the inode have
/// none. What is between two pieces is a hole. Pieces may lie beyond the file's size.
///
/// Reads only what of the map is needed. Time and memory are bounded by the size of the image,
/// whatever the map says: more blocks than the image has are data_corruption, as are checksums,
/// wrong depths, wrong order and places outside.
void walk_file(BlockSource& source, const InodeRecord& inode, std::uint32_t first,
               const MappedVisitor& visit, const MapBlockVisitor& visit_map = {});

/// The two kinds; for walk_file.
void walk_extents(BlockSource& source, const InodeRecord& inode, std::uint32_t first,
                  const MappedVisitor& visit, const MapBlockVisitor& visit_map);
void walk_block_map(BlockSource& source, const InodeRecord& inode, std::uint32_t first,
                    const MappedVisitor& visit, const MapBlockVisitor& visit_map);

}  // namespace vmkit::ext4
