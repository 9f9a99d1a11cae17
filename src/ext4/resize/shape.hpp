// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ext4/tree/state.hpp"

#include <vmkit/base/byte_size.hpp>

namespace vmkit::ext4 {

/// What superblock and descriptors of `image` are for another size of the device: as many groups,
/// the last one left out if it would be of no use; descriptors of new groups are zeros. Throws
/// resource_exhausted if there is no room for one group's metadata.
Image reshaped(const Image& image, ByteSize size);

}  // namespace vmkit::ext4
