// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "support/memory_block_device.hpp"

namespace vmkit::fuzz {

/// Makes `device` the image of at most 1 MiB that `input` describes, so that inputs are small and
/// mutations meet metadata: pieces of
///     2 bytes  where, in units of 16 bytes; little-endian, as all here
///     2 bytes  length; with 0x8000: of a run of one byte, which follows
///     the bytes
/// What no piece covers is zero. Pieces beyond the end are cut. The image is as long as its pieces,
/// in whole 64 KiB.
void make_image(std::string_view input, test::MemoryBlockDevice& device);

/// Gives superblock, group descriptors and inodes the checksums that they should have, as far as
/// they can be found: so that mutations are seen by more than the first check.
void mend_checksums(test::MemoryBlockDevice& device);

}  // namespace vmkit::fuzz
