// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/block_bitmap.hpp"

#include <algorithm>

#include "ext4/format/bitmap.hpp"

namespace vmkit::ext4 {

std::uint32_t fill_block_bitmap(Block& bitmap, const Volume& volume, std::uint32_t group,
                                const Space& space) {
  const std::uint64_t first = volume.group_first_block(group);
  const std::uint64_t end = std::min(first + volume.blocks_per_group, volume.blocks);
  std::uint64_t free = 0;
  bitmap.fill(std::byte{0xff});
  for (const BlockRanges* ranges : {&space.free(), &space.held()}) {
    BlockRange run = ranges->next(first);
    while (run.length > 0 && run.start < end) {
      const std::uint64_t run_end = std::min(run.end(), end);
      clear_bits(bitmap, run.start - first, run_end - first);
      free += run_end - run.start;
      run = ranges->next(run_end);
    }
  }
  return static_cast<std::uint32_t>(free);
}

}  // namespace vmkit::ext4
