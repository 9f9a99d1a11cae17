// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "ext4/tree/block_ranges.hpp"

namespace vmkit::ext4 {

/// Who in an image claims which blocks, collected to find out whether any is claimed twice or free.
/// Takes 12 bytes for each range.
class Claims {
 public:
  /// `ino`: for messages; 0: the image's own metadata.
  void add(std::uint32_t ino, std::uint64_t start, std::uint64_t length);
  /// A block that several inodes may share, as often as it says itself: `count`.
  void add_shared(std::uint32_t ino, std::uint64_t block, std::uint32_t count);

  /// Throws data_corruption. Leaves nothing.
  void check(const BlockRanges& free);

 private:
  struct Claim {
    std::uint32_t start;
    std::uint32_t length;
    std::uint32_t ino;
  };
  struct Shared {
    std::uint32_t ino;
    std::uint32_t count;
    std::uint32_t found;
  };

  std::vector<Claim> claims_;
  std::map<std::uint64_t, Shared> shared_;
};

}  // namespace vmkit::ext4
