// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "ext4/read/block_source.hpp"
#include "ext4/read/group.hpp"
#include "ext4/read/inode.hpp"
#include "ext4/tree/claims.hpp"
#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {

/// What the superblock and the group descriptors of an image say, once its journal is replayed.
/// Throws unless it can be edited.
Image load_image(BlockDevice& device);

/// The free blocks of an image, as its bitmaps say.
BlockRanges load_free_blocks(BlockDevice& device, Image& image);

/// Loads all inodes of an image into a State, and verifies that they make a tree whose parts claim
/// their blocks once: nothing that is changed or removed later can touch what belongs to another.
/// Throws data_corruption otherwise.
class Loader {
 public:
  Loader(State& state, BlockSource& source);
  void run();

 private:
  void load_group(std::uint32_t group);
  void load_table(const GroupDescriptor& facts, std::uint32_t first_ino, std::uint32_t count,
                  std::span<const std::byte> bitmap);
  void load_inode(std::uint32_t ino, std::span<const std::byte> record);
  void load_file(const InodeRecord& inode, Node& node);
  void load_directory(const InodeRecord& inode, Node& node);
  void load_symlink(const InodeRecord& inode, Node& node);
  void load_xattrs(const InodeRecord& inode, Node& node);

  void check_xattr_values();

  void count_names();
  void end_orphans();
  void check_reachable();
  void check_links();
  void claim_group_metadata();
  void claim_resize_inode();

  State& state_;
  BlockSource& source_;
  Claims claims_;
  BlockRanges free_numbers_;
  std::map<std::uint32_t, std::uint32_t> value_owners_;  ///< As inodes with values count them…
  std::map<std::uint32_t, std::uint32_t> value_users_;   ///< …and as they are.
  std::vector<std::uint32_t> directories_;
  std::vector<std::uint32_t> orphans_;  ///< Without a name: were open when the machine ended.
  std::map<std::uint32_t, std::uint32_t> deletion_times_;  ///< Where not 0; links orphans.
  /// What the records say, of those where it is not what the tree says.
  std::map<std::uint32_t, std::uint32_t> recorded_links_;
};

}  // namespace vmkit::ext4
