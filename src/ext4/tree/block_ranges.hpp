// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>

namespace vmkit::ext4 {

struct BlockRange {
  std::uint64_t start = 0;
  std::uint64_t length = 0;

  std::uint64_t end() const { return start + length; }
  friend bool operator==(const BlockRange&, const BlockRange&) = default;
};

/// A set of block numbers kept as disjoint, non-adjacent ranges in order. Changes and look-ups take
/// time logarithmic in the number of ranges (erase: plus the ranges that it removes).
class BlockRanges {
 public:
  using Map = std::map<std::uint64_t, std::uint64_t>;  ///< Start to length.

  void insert(BlockRange range);
  /// Takes out what of `range` is in the set.
  void erase(BlockRange range);
  /// The part from `block` on of the first range that ends beyond `block`; length 0 if none.
  BlockRange next(std::uint64_t block) const;
  /// How many blocks of `range` are in the set.
  std::uint64_t count(BlockRange range) const;

  const Map& map() const { return map_; }

 private:
  Map::const_iterator first_ending_after(std::uint64_t block) const;

  Map map_;
};

}  // namespace vmkit::ext4
