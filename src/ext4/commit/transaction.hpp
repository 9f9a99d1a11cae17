// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>

#include "ext4/commit/log_writer.hpp"
#include "ext4/commit/overwrites.hpp"
#include "ext4/format/superblock.hpp"
#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {

/// Changes what stands in an image: some blocks and the superblock, all or nothing.
///
/// Through a JBD2 journal: that of the image, or a temporary one in free blocks. The kernel, e2fsck
/// and Reader take the image as it was until one certain sector is written, and from then on as it
/// will be, because they replay the journal.
class Transaction {
 public:
  /// `after`: the image as it shall become; `overwrites`: without block 0. All must outlive it.
  Transaction(State& state, const Image& after, Overwrites& overwrites);

  /// Not atomic, and without a flush.
  void write_in_place();
  /// Stoppable, by `check`, until nothing can be taken back any more.
  void write_through_journal(const std::function<void()>& check);

 private:
  void use_own_journal(const std::function<void()>& check);
  void use_temporary_journal(const std::function<void()>& check);

  JournalPlace own_journal();
  std::uint64_t moved_journal_table();
  void write_blocks(const Overwrites& blocks);
  void write_superblock(const std::array<std::byte, superblock_size>& superblock);
  void flush();

  State& state_;
  const Image& after_;
  Overwrites& overwrites_;
  Block first_block_;  ///< Block 0, as it is.
};

}  // namespace vmkit::ext4
