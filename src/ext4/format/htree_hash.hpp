// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string_view>

namespace vmkit::ext4 {

struct HtreeHash {
  std::uint32_t major = 0;  ///< Even: the index is sorted by it.
  std::uint32_t minor = 0;

  friend auto operator<=>(const HtreeHash&, const HtreeHash&) = default;
};

using HtreeSeed = std::array<std::uint32_t, 4>;

/// How one file system hashes names.
struct HtreeHasher {
  HtreeSeed seed = {};         ///< All zero stands for MD4's own.
  bool unsigned_bytes = true;  ///< Else bytes from 0x80 count as negative, as hosts once had it.
};

/// ext4's "half MD4" over a file name.
HtreeHash htree_hash(std::string_view name, const HtreeHasher& hasher);

}  // namespace vmkit::ext4
