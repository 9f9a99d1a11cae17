// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// A time as an inode holds it: the low 32 bits of the seconds; two more bits of them (the epoch)
/// below 30 bits of nanoseconds.
struct DiskTime {
  std::uint32_t seconds = 0;
  std::uint32_t extra = 0;
};

/// Times that ext4 cannot hold become the nearest one that it can. So do those of 2310-04-04 to
/// 2378-04-22, which e2fsck takes for dates before 1970 that an old kernel wrote wrongly.
Timestamp storable_time(Timestamp time);

/// Of storable_time(time).
DiskTime encode_time(Timestamp time);
Timestamp decode_time(DiskTime time);

}  // namespace vmkit::ext4
