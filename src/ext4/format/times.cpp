// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/times.hpp"

#include <algorithm>

namespace vmkit::ext4 {
namespace {

constexpr std::int64_t earliest = -(std::int64_t{1} << 31);
constexpr std::int64_t doubtful = (std::int64_t{5} << 31);  // first of the third epoch's lower half
constexpr std::int64_t doubtful_end = std::int64_t{3} << 32;
constexpr std::int64_t latest = (std::int64_t{7} << 31) - 1;
constexpr std::uint32_t last_nanosecond = 999'999'999;

}  // namespace

Timestamp storable_time(Timestamp time) {
  if (time.seconds < earliest) return {earliest, 0};
  if (time.seconds > latest) return {latest, last_nanosecond};
  if (time.seconds >= doubtful && time.seconds < doubtful_end) {
    return {doubtful - 1, last_nanosecond};
  }
  return {time.seconds, std::min(time.nanoseconds, last_nanosecond)};
}

DiskTime encode_time(Timestamp time) {
  time = storable_time(time);
  const auto low = static_cast<std::uint32_t>(time.seconds);
  const std::int64_t rest = time.seconds - static_cast<std::int32_t>(low);
  const auto epoch = static_cast<std::uint32_t>(rest >> 32) & 3;
  return {low, (time.nanoseconds << 2) | epoch};
}

Timestamp decode_time(DiskTime time) {
  const std::int64_t epoch = time.extra & 3;
  return {static_cast<std::int32_t>(time.seconds) + (epoch << 32), time.extra >> 2};
}

}  // namespace vmkit::ext4
