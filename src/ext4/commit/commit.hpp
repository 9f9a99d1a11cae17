// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ext4/format/inode_record.hpp"
#include "ext4/format/superblock.hpp"
#include "ext4/tree/state.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/progress.hpp>

namespace vmkit::ext4 {

/// One run of commit(): places what the tree promised and writes it, the superblock last.
class Commit {
 public:
  Commit(State& state, const CallOptions& options);
  void run();

 private:
  void check() const;

  void discard_stale();
  void place_group_metadata();

  void write_inodes();
  void write_inode_group(std::uint32_t group);
  void write_records(std::uint32_t group, std::uint32_t first_index);
  void fill_record(std::span<std::byte> record, std::uint32_t ino, const Node& node);

  InodePlacement place(std::uint32_t ino, const Node& node);
  InodePlacement place_directory(std::uint32_t ino, const Directory& directory);
  InodePlacement place_symlink(const Symlink& symlink, std::uint32_t inode_seed);
  InodePlacement place_extents(std::span<const Extent> extents, std::uint32_t inode_seed);
  std::vector<Extent> allocate_extents(std::uint64_t blocks);
  std::uint64_t allocate_block();

  void write_block_bitmaps();
  void write_descriptors_and_superblocks();
  void write_superblocks(std::array<std::byte, superblock_size> superblock,
                         std::span<const std::byte> descriptors);

  State& state_;
  const CallOptions& options_;
  ProgressMeter meter_;
  std::uint32_t seed_;
  std::vector<GroupFacts> groups_;
  std::uint32_t inodes_per_group_ = 0;
  std::uint64_t goal_ = 0;  ///< Where the last block was found.
  std::vector<std::byte> records_;
  std::optional<InodePlacement> journal_;
};

}  // namespace vmkit::ext4
