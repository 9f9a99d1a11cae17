// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "ext4/commit/content_writer.hpp"
#include "ext4/commit/overwrites.hpp"
#include "ext4/read/block_source.hpp"
#include "ext4/read/group.hpp"
#include "ext4/read/inode.hpp"
#include "ext4/tree/state.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/progress.hpp>

namespace vmkit::ext4 {

/// A commit() of an image that stands: writes what changed, and only that. New content goes to
/// blocks that were free; what has its place, inode tables, bitmaps, descriptors and the
/// superblock, is collected and written last.
class Update {
 public:
  Update(State& state, CommitMode mode, const CallOptions& options);
  /// One that also changes the shape of the image: `after` is how it will be, but for what this
  /// counts; the block bitmaps of `groups` are written in any case.
  Update(State& state, CommitMode mode, const CallOptions& options, Image after,
         std::vector<std::uint32_t> groups);
  /// Throws resource_exhausted, before anything has happened, if there is no room for the journal.
  void check_room();
  void run();

 private:
  void check() const;
  std::uint64_t changed_inodes();
  void discard(const BlockRanges& ranges);
  void finish();

  void update_inodes(std::uint32_t group);
  void update_table_block(std::uint32_t group, const GroupDescriptor& before, std::uint32_t index);
  void clear_new_table_blocks(std::uint32_t group, const GroupDescriptor& before,
                              std::uint32_t end_index);
  void update_record(std::span<std::byte> record, std::uint32_t ino, Node& node);
  void update_same(std::span<std::byte> record, std::uint32_t ino, Node& node);
  void move_record(std::span<std::byte> record, std::uint32_t ino, std::uint32_t old_ino,
                   Node& node);
  /// What the record `old` alone refers to is not used any more: all but the data of files.
  void release_content(const InodeRecord& old);
  void release_xattrs(const InodeRecord& old);
  void keep_shared_xattrs();
  void update_inode_bitmap(std::uint32_t group, const GroupDescriptor& before);

  void update_block_bitmaps();
  void update_descriptors_and_superblock();
  void update_descriptor_block(std::uint32_t first_group);
  void clear_resize_inode();

  /// Writes a whole block that stands in the image: now, if nobody looks there yet.
  void write_block(std::uint64_t number, std::span<const std::byte, block_size> data, bool unseen);
  std::span<std::byte> descriptor(std::uint32_t group);

  State& state_;
  CommitMode mode_;
  const CallOptions& options_;
  Image image_;                        ///< As it will be.
  std::vector<std::uint32_t> groups_;  ///< Whose block bitmaps are written.
  BlockSource source_;
  ContentWriter content_;
  ProgressMeter meter_;
  Overwrites overwrites_;
  /// Blocks of extended attributes that other inodes share, and how many fewer will.
  std::map<std::uint64_t, std::uint32_t> shared_xattrs_;
};

}  // namespace vmkit::ext4
