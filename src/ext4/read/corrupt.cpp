// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/corrupt.hpp"

#include <cinttypes>
#include <cstdio>

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {

void throw_corrupt(const Place& place, std::string_view what) {
  std::string text = "ext4";
  if (place.ino != 0) text += " inode " + std::to_string(place.ino);
  if (place.block != 0) {
    text += (place.ino != 0 ? ", block " : " block ") + std::to_string(place.block);
  }
  throw Error(Errc::data_corruption, text + ": " + std::string(what));
}

void throw_checksum(const Place& place, std::string_view of, std::uint32_t expected,
                    std::uint32_t found) {
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, "expected 0x%08" PRIx32 ", found 0x%08" PRIx32, expected,
                found);
  throw_corrupt(place, "checksum of " + std::string(of) + ": " + numbers);
}

}  // namespace vmkit::ext4
