// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ext4/format/geometry.hpp"
#include "ext4/tree/block_ranges.hpp"

namespace vmkit::ext4 {

/// Who gets which block, and the account that lets commit() never run out of them.
///
/// File data takes blocks as it comes. Metadata that is only laid out at commit() is promised
/// blocks meanwhile: their number is kept free, not their place. In an image that was never
/// committed, inode tables need long runs: the end of the image, beyond limit(), is kept free for
/// them and grows when the inodes need more.
///
/// In a committed image, what was in use at its last commit stays as it is until the next one has
/// happened: blocks of it that are released are held back, and free only afterwards.
///
/// Nothing here remembers more of the time before a commit than the image itself: an image goes on
/// in the same way whether the object that committed it goes on or another opens it.
class Space {
 public:
  /// Of a new image.
  explicit Space(const Geometry& geometry);
  /// Of an image that stands on a device, `free` as its bitmaps say, with `inodes` numbers.
  Space(ByteSize size, std::uint64_t blocks, BlockRanges free, std::uint64_t inodes);

  /// Keeps `blocks` more free for commit(). Throws resource_exhausted, naming `what`.
  void promise(std::uint64_t blocks, std::string_view what);
  void take_back_promise(std::uint64_t blocks) { promised_ -= blocks; }
  /// What may still be promised or allocated.
  std::uint64_t available() const { return free_below_ - promised_; }

  /// Up to `wanted` blocks (at least one) in one run, from `goal` on if that is free. Whoever gets
  /// blocks overwrites all of them or releases them. Throws resource_exhausted, naming `what`.
  BlockRange allocate(std::uint64_t wanted, std::uint64_t goal, std::string_view what);
  void release(BlockRange range);

  /// Makes sure that there will be a place for inode number `ino`. Throws resource_exhausted.
  void admit_inode(std::uint64_t ino);

  /// From here on promises are kept: allocate_promised() replaces allocate(). Returns what was
  /// released and not overwritten since, nor committed: it holds old data.
  BlockRanges begin_commit();
  BlockRange allocate_promised(std::uint64_t wanted, std::uint64_t goal);
  /// One run of blocks for each group's inode table. Their length leaves room for growth beyond
  /// `inodes` if the image has it. Of a new image only.
  std::vector<BlockRange> place_tables(std::uint64_t inodes);
  /// The commit has happened, the image has `inodes` numbers for inodes. Returns what was held back
  /// until now.
  BlockRanges end_commit(std::uint64_t inodes);

  /// For resizing, of a committed image. Nothing is allocated in `zones`, until set_size().
  void keep_out(BlockRanges zones);
  /// Takes out blocks of a group that is new: no bitmap counts them as allocated.
  void exclude(BlockRange range);
  /// One run of `blocks`; none if there is no such.
  std::optional<BlockRange> allocate_run(std::uint64_t blocks);
  /// Takes blocks that are free.
  void reserve(BlockRange range);
  /// The image has another size. Blocks that it did not have are free; of those that it will not
  /// have, none may be in use.
  void set_size(ByteSize size, std::uint64_t blocks);

  const BlockRanges& free() const { return free_; }
  /// What will be free when the commit has happened, beside free().
  const BlockRanges& held() const { return held_; }
  /// What was free at the last commit and is not any more.
  const BlockRanges& fresh() const { return fresh_; }

 private:
  BlockRange take(std::uint64_t wanted, std::uint64_t goal, std::uint64_t limit);
  /// The first run from `from` on that may be allocated; length 0 if there is none.
  BlockRange find(std::uint64_t from, std::uint64_t limit) const;
  std::uint64_t count_free() const;
  std::uint64_t runs_of(std::uint32_t blocks) const;
  [[noreturn]] void throw_full(std::string_view what) const;

  const Geometry* geometry_;  ///< Of a new image; null once it is committed.
  ByteSize size_;
  std::uint64_t blocks_;
  std::uint64_t inodes_ = 0;  ///< Of a committed image: how many there may be.
  BlockRanges free_;
  BlockRanges stale_;  ///< Free, but not yet overwritten or discarded.
  BlockRanges held_;   ///< In use in the committed image, not any more in the tree.
  BlockRanges fresh_;  ///< The other way round.
  BlockRanges kept_out_;
  std::uint64_t cursor_ = 0;      ///< New runs are searched from here on, then from the start.
  std::uint64_t limit_ = 0;       ///< Data stays below.
  std::uint64_t free_below_ = 0;  ///< Free blocks below limit_.
  std::uint64_t promised_ = 0;
  std::uint32_t table_blocks_ = 0;  ///< Of each group, as kept free beyond limit_.
};

}  // namespace vmkit::ext4
