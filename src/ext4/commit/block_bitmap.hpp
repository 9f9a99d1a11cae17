// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ext4/commit/overwrites.hpp"
#include "ext4/read/volume.hpp"
#include "ext4/tree/space.hpp"

namespace vmkit::ext4 {

/// Fills `bitmap` with the blocks of `group` that will be in use after the commit, and with what is
/// behind its end. Returns how many will not be in use.
std::uint32_t fill_block_bitmap(Block& bitmap, const Volume& volume, std::uint32_t group,
                                const Space& space);

}  // namespace vmkit::ext4
