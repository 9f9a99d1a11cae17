// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "ext4/commit/log_writer.hpp"
#include "ext4/commit/overwrites.hpp"
#include "ext4/format/inode_record.hpp"
#include "ext4/format/superblock.hpp"
#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {

/// A journal for one transaction, in free blocks of an image that has none.
///
/// If the transaction is interrupted, whoever replays it gets an image with a journal: the log
/// itself marks its blocks as in use. If not, nothing of it is left.
class TemporaryJournal {
 public:
  /// Finds a place for it, and completes `overwrites` by what of inode 8 there may be from a commit
  /// that was interrupted. Throws resource_exhausted.
  TemporaryJournal(State& state, const Image& after, Overwrites& overwrites);

  /// What the log says: what the image will be, and the journal in it.
  LoggedBlocks logged(const Overwrites& overwrites) const;
  const std::array<std::byte, superblock_size>& superblock() const { return superblock_; }

  /// Writes the journal, whose log nobody regards yet, and its inode.
  void write(const Overwrites& overwrites);
  /// The block of the inode table that must name the journal as long as the superblock does.
  std::uint64_t table_block() const { return table_block_; }
  const Block& table_with_journal() const { return *during_.at(table_block_); }

  /// Gives its blocks back.
  void discard();

 private:
  void find_place(std::uint64_t blocks);
  void mark_blocks();
  void store_inode();
  void store_superblock();

  State& state_;
  const Image& after_;
  JournalPlace place_;
  std::vector<BlockRange> runs_;  ///< All of its blocks.
  InodePlacement inode_;
  /// Blocks as they are with the journal, if that is not what overwrites says.
  Overwrites during_;
  Block table_before_;
  std::uint64_t table_block_ = 0;
  std::array<std::byte, superblock_size> superblock_;
};

/// Throws resource_exhausted unless a transaction of up to `blocks` finds room for its journal, as
/// far as their number goes.
void require_room_for_journal(const State& state, std::uint64_t blocks);

}  // namespace vmkit::ext4
