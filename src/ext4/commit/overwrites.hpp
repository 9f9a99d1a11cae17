// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "ext4/format/format.hpp"

namespace vmkit::ext4 {

using Block = std::array<std::byte, block_size>;

/// Blocks that stand in an image, by their number, as they shall become, all or none.
using Overwrites = std::map<std::uint64_t, std::unique_ptr<Block>>;

}  // namespace vmkit::ext4
