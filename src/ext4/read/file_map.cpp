// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/file_map.hpp"

#include "ext4/format/format.hpp"
#include "ext4/read/corrupt.hpp"

namespace vmkit::ext4 {

void walk_file(BlockSource& source, const InodeRecord& inode, std::uint32_t first,
               const MappedVisitor& visit, const MapBlockVisitor& visit_map) {
  const bool has_blocks = inode.type == FileType::regular || inode.type == FileType::directory ||
                          (inode.type == FileType::symlink && !inode.fast_symlink());
  if (!has_blocks || inode.has(inode_flag_inline_data)) return;
  std::uint64_t mapped = 0;
  const MappedVisitor count = [&](const MappedBlocks& blocks) {
    mapped += blocks.length;
    if (mapped > source.volume().blocks) {
      throw_corrupt({inode.ino, 0}, "maps more blocks than the image has");
    }
    return visit(blocks);
  };
  if (inode.has(inode_flag_extents)) {
    walk_extents(source, inode, first, count, visit_map);
  } else {
    walk_block_map(source, inode, first, count, visit_map);
  }
}

}  // namespace vmkit::ext4
