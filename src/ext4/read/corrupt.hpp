// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vmkit::ext4 {

/// Where in an image something stands, for messages: 0 means "no inode", "no block".
struct Place {
  std::uint32_t ino = 0;
  std::uint64_t block = 0;
};

/// Throws data_corruption: "ext4 inode 12, block 3456: `what`".
[[noreturn]] void throw_corrupt(const Place& place, std::string_view what);

/// The same with "expected …, found …", both numbers in hexadecimal.
[[noreturn]] void throw_checksum(const Place& place, std::string_view of, std::uint32_t expected,
                                 std::uint32_t found);

}  // namespace vmkit::ext4
