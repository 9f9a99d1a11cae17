// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace vmkit::ext4 {

inline void set_bit(std::span<std::byte> bitmap, std::uint64_t bit) {
  bitmap[bit / 8] |= std::byte{1} << (bit % 8);
}

/// Clears the bits from `first` up to, not including, `end`.
inline void clear_bits(std::span<std::byte> bitmap, std::uint64_t first, std::uint64_t end) {
  for (; first < end && first % 8 != 0; ++first) {
    bitmap[first / 8] &= ~(std::byte{1} << (first % 8));
  }
  if (first < end) std::memset(&bitmap[first / 8], 0, (end - first) / 8);
  for (first = std::max(first, end / 8 * 8); first < end; ++first) {
    bitmap[first / 8] &= ~(std::byte{1} << (first % 8));
  }
}

}  // namespace vmkit::ext4
