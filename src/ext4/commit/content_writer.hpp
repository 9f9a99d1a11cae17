// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ext4/format/inode_record.hpp"
#include "ext4/format/superblock.hpp"
#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {

/// Lays out what inodes point to, directories, index blocks, long symlinks and extended attributes,
/// in blocks that were promised to them, and writes it.
class ContentWriter {
 public:
  /// `check` is called now and then, and may throw.
  ContentWriter(State& state, std::function<void()> check)
      : state_(state), check_(std::move(check)) {}

  std::uint64_t allocate_block();
  /// What i_block says, and what it points to. `inode_seed`: of the inode's checksums.
  InodePlacement place(std::uint32_t ino, Node& node, std::uint32_t inode_seed);
  /// Adds the block of extended attributes, if the node has one.
  void place_xattrs(const Node& node, InodePlacement& placement);

 private:
  InodePlacement place_directory(std::uint32_t ino, Directory& directory, std::uint32_t inode_seed);
  InodePlacement place_symlink(const Symlink& symlink, std::uint32_t inode_seed);
  InodePlacement place_extents(std::span<const Extent> extents, std::uint32_t inode_seed);
  std::vector<Extent> allocate_extents(std::uint64_t blocks);

  State& state_;
  std::function<void()> check_;
  std::uint64_t goal_ = 0;  ///< Where the last block was found.
};

/// The copy of the journal's i_block and size that e2fsck wants in the superblock.
void store_journal_copy(std::span<std::byte, superblock_size> superblock,
                        const InodePlacement& journal);

}  // namespace vmkit::ext4
