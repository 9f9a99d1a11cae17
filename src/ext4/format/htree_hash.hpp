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

/// ext4's "half MD4" over a file name whose bytes count as unsigned. A seed of zeros stands for
/// MD4's own.
HtreeHash htree_hash(std::string_view name, const HtreeSeed& seed);

}  // namespace vmkit::ext4
