// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ext4/format/geometry.hpp"
#include "ext4/tree/block_ranges.hpp"

namespace vmkit::ext4 {

/// Who gets which block, and the account that lets commit() never run out of them.
///
/// File data takes blocks as it comes. Metadata that is only laid out at commit() is promised
/// blocks meanwhile: their number is kept free, not their place. Inode tables need long runs; the
/// end of the image, beyond limit(), is kept free for them and grows when the inodes need more.
class Space {
 public:
  explicit Space(const Geometry& geometry);

  /// Keeps `blocks` more free for commit(). Throws resource_exhausted, naming `what`.
  void promise(std::uint64_t blocks, std::string_view what);
  void take_back_promise(std::uint64_t blocks) { promised_ -= blocks; }

  /// Up to `wanted` blocks (at least one) in one run, from `goal` on if that is free. Whoever gets
  /// blocks overwrites all of them or releases them. Throws resource_exhausted, naming `what`.
  BlockRange allocate(std::uint64_t wanted, std::uint64_t goal, std::string_view what);
  void release(BlockRange range);

  /// Makes sure that there will be a place for inode number `ino`. Throws resource_exhausted.
  void admit_inode(std::uint64_t ino);

  /// From here on promises are kept: allocate_promised() replaces allocate(). Returns what was
  /// released and not overwritten since: it holds old data.
  BlockRanges begin_commit();
  BlockRange allocate_promised(std::uint64_t wanted, std::uint64_t goal);
  /// One run of blocks for each group's inode table. Their length leaves room for growth beyond
  /// `inodes` if the image has it.
  std::vector<BlockRange> place_tables(std::uint64_t inodes);

  const BlockRanges& free() const { return free_; }

 private:
  BlockRange take(std::uint64_t wanted, std::uint64_t goal, std::uint64_t limit);
  std::uint64_t runs_of(std::uint32_t blocks) const;
  [[noreturn]] void throw_full(std::string_view what) const;

  const Geometry& geometry_;
  BlockRanges free_;
  BlockRanges stale_;             ///< Free, but not yet overwritten or discarded.
  std::uint64_t cursor_ = 0;      ///< New runs are searched from here on, then from the start.
  std::uint64_t limit_ = 0;       ///< Data stays below.
  std::uint64_t free_below_ = 0;  ///< Free blocks below limit_.
  std::uint64_t promised_ = 0;
  std::uint32_t table_blocks_ = 0;  ///< Of each group, as kept free beyond limit_.
};

}  // namespace vmkit::ext4
