// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/block_ranges.hpp"

#include <algorithm>
#include <iterator>

namespace vmkit::ext4 {

BlockRanges::Map::const_iterator BlockRanges::first_ending_after(std::uint64_t block) const {
  auto it = map_.upper_bound(block);
  if (it != map_.begin()) {
    const auto before = std::prev(it);
    if (before->first + before->second > block) return before;
  }
  return it;
}

void BlockRanges::insert(BlockRange range) {
  if (range.length == 0) return;
  auto it = map_.lower_bound(range.start);
  if (it != map_.begin()) {
    const auto before = std::prev(it);
    if (before->first + before->second >= range.start) it = before;
  }
  std::uint64_t end = range.end();
  if (it != map_.end() && it->first <= range.start) {
    end = std::max(end, it->first + it->second);
    it->second = end - it->first;
  } else {
    it = map_.emplace_hint(it, range.start, range.length);
  }
  auto after = std::next(it);
  while (after != map_.end() && after->first <= end) {
    end = std::max(end, after->first + after->second);
    after = map_.erase(after);
  }
  it->second = end - it->first;
}

void BlockRanges::erase(BlockRange range) {
  if (range.length == 0) return;
  auto it = first_ending_after(range.start);
  while (it != map_.end() && it->first < range.end()) {
    const BlockRange found{it->first, it->second};
    if (found.end() > range.end()) {  // first, as only this may fail
      map_.emplace_hint(std::next(it), range.end(), found.end() - range.end());
    }
    if (found.start < range.start) {
      map_[found.start] = range.start - found.start;
      it = std::next(map_.find(found.start));
    } else {
      it = map_.erase(it);
    }
    if (found.end() >= range.end()) return;
  }
}

BlockRange BlockRanges::next(std::uint64_t block) const {
  const auto it = first_ending_after(block);
  if (it == map_.end()) return {};
  const std::uint64_t start = std::max(block, it->first);
  return {start, it->first + it->second - start};
}

std::uint64_t BlockRanges::count(BlockRange range) const {
  std::uint64_t sum = 0;
  for (auto it = first_ending_after(range.start); it != map_.end() && it->first < range.end();
       ++it) {
    sum += std::min(it->first + it->second, range.end()) - std::max(it->first, range.start);
  }
  return sum;
}

}  // namespace vmkit::ext4
