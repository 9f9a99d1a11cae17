// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ext4/commit/content_writer.hpp"
#include "ext4/format/inode_record.hpp"
#include "ext4/format/superblock.hpp"
#include "ext4/tree/state.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/progress.hpp>

namespace vmkit::ext4 {

/// The commit() that makes a new file system: places what the tree promised, bitmaps and inode
/// tables included, and writes it, the superblock last.
class FirstCommit {
 public:
  FirstCommit(State& state, CommitMode mode, const CallOptions& options);
  void run();

 private:
  void check() const;
  /// Also the device, unless nobody can see it.
  void flush_device();

  void discard_stale();
  void place_group_metadata();

  void write_inodes();
  void write_inode_group(std::uint32_t group);
  void write_records(std::uint32_t group, std::uint32_t first_index);
  void fill_record(std::span<std::byte> record, std::uint32_t ino, Node& node);

  void write_block_bitmaps();
  void write_descriptors_and_superblocks();
  void write_superblocks();
  void settle();

  State& state_;
  CommitMode mode_;
  const CallOptions& options_;
  ContentWriter content_;
  ProgressMeter meter_;
  std::vector<GroupFacts> groups_;
  std::uint32_t inodes_per_group_ = 0;
  std::vector<std::byte> records_;
  std::vector<std::byte> descriptors_;
  std::array<std::byte, superblock_size> superblock_ = {};
  std::optional<InodePlacement> journal_;
};

}  // namespace vmkit::ext4
