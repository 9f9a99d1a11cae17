// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "ext4/commit/overwrites.hpp"
#include "ext4/format/extents.hpp"
#include "ext4/format/superblock.hpp"
#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {

/// The blocks of a journal.
struct JournalPlace {
  std::vector<Extent> extents;
  std::vector<std::uint64_t> index_blocks;  ///< Of a temporary one: that hold its extents.
  std::uint64_t blocks = 0;

  /// Where block `logical` of it stands.
  std::uint64_t physical(std::uint64_t logical) const;
};

/// Fills `bitmap` with the blocks of `group` that will be in use after the commit, and returns how
/// many will not.
std::uint32_t fill_block_bitmap(Block& bitmap, const Volume& volume, std::uint32_t group,
                                const Space& space);

/// Changes what stands in an image: `overwrites` and the superblock, all or nothing.
///
/// Through a JBD2 journal: that of the image, or a temporary one in free blocks. The kernel, e2fsck
/// and Reader take the image as it was until one write of one sector, and from then on as it will
/// be: they replay the journal.
class Transaction {
 public:
  /// `after`: the image as it shall become.
  Transaction(State& state, const Image& after, Overwrites overwrites);

  /// Not atomic, and without a flush.
  void write_in_place();
  /// `check` is called as long as nothing has happened, and may throw.
  void write_through_journal(const std::function<void()>& check);

 private:
  void write_own_journal(const std::function<void()>& check);
  void write_temporary_journal(const std::function<void()>& check);

  JournalPlace own_journal();
  JournalPlace place_temporary(std::uint64_t blocks);
  /// Adds to `during_` what the image says as long as the temporary journal is part of it.
  void add_temporary(JournalPlace& place);
  void mark_journal_blocks(const JournalPlace& place);
  void store_journal_inode(std::span<std::byte> record, JournalPlace& place);

  void require_room(const JournalPlace& place, std::uint32_t first) const;
  /// The log alone, from block `first` of the journal on.
  void write_log(const JournalPlace& place, std::uint32_t first,
                 const std::array<std::byte, 16>& uuid, std::uint32_t sequence);
  void write_blocks();
  void write_superblock(const std::array<std::byte, superblock_size>& superblock);
  void flush();
  const Block& logged(std::uint64_t number) const;

  State& state_;
  const Image& after_;
  Overwrites overwrites_;
  /// What the log has instead of, or beside, overwrites_.
  Overwrites during_;
  std::array<std::byte, superblock_size> superblock_during_;
};

}  // namespace vmkit::ext4
