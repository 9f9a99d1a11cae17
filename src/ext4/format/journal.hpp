// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ext4/format/geometry.hpp"

#include <vmkit/base/byte_size.hpp>

namespace vmkit::ext4 {

/// The blocks of a journal of `size`. Throws invalid_argument for one that the kernel would refuse
/// or that leaves less than half the image.
std::uint32_t journal_blocks(ByteSize size, const Geometry& geometry);

/// The first block of an empty ("clean") journal in JBD2's format; the others are zero.
std::array<std::byte, 1024> make_journal_superblock(std::uint32_t blocks,
                                                    const std::array<std::byte, 16>& uuid);

}  // namespace vmkit::ext4
