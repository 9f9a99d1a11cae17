// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace vmkit::fuzz {

/// The archive with the right checksum in all blocks that look like ustar, pax or GNU headers:
/// without that, hardly anything that a fuzzer changes would come past the first check.
inline std::string with_right_checksums(std::string_view tar) {
  constexpr std::size_t block = 512;
  constexpr std::size_t checksum_at = 148;
  constexpr std::size_t checksum_size = 8;
  std::string result(tar);
  for (std::size_t at = 0; at + block <= result.size(); at += block) {
    if (result.compare(at + 257, 5, "ustar") != 0) continue;
    result.replace(at + checksum_at, checksum_size, checksum_size, ' ');
    unsigned sum = 0;
    for (std::size_t i = 0; i < block; ++i) sum += static_cast<unsigned char>(result[at + i]);
    char text[checksum_size];
    std::snprintf(text, sizeof text, "%06o", sum);
    result.replace(at + checksum_at, checksum_size - 1, text, checksum_size - 1);
  }
  return result;
}

}  // namespace vmkit::fuzz
