// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace vmkit::ext4 {

inline constexpr std::uint16_t extent_magic = 0xf30a;
/// Of one extent on disk, in blocks; a length above it means that many less, unwritten.
inline constexpr std::uint32_t max_extent_length = 32768;

/// `length` blocks of a file from `logical` on stand at `physical` on the device. Longer than one
/// extent on disk may be.
struct Extent {
  std::uint32_t logical;
  std::uint32_t physical;
  std::uint32_t length;
  bool unwritten = false;  ///< Allocated, but reads as zeros.

  std::uint32_t logical_end() const { return logical + length; }
  std::uint32_t physical_end() const { return physical + length; }
};

/// How many extents on disk an extent of `length` blocks takes.
std::uint64_t disk_extents(std::uint64_t length, bool unwritten = false);
std::uint64_t disk_extents(std::span<const Extent> extents);
/// How many blocks beside the inode hold the tree of so many extents.
std::uint64_t extent_index_blocks(std::uint64_t extents);

/// What an inode says of its extent tree.
struct ExtentTree {
  std::array<std::byte, 60> root{};  ///< i_block
  std::uint64_t index_blocks = 0;
};

/// Lays out the tree of `extents` (in logical order). `allocate` gives the place of one more block
/// of it, `write` takes each such block when it is complete. `seed` is the inode's checksum seed.
ExtentTree build_extent_tree(
    std::span<const Extent> extents, std::uint32_t seed,
    const std::function<std::uint64_t()>& allocate,
    const std::function<void(std::uint64_t block, std::span<const std::byte> data)>& write);

}  // namespace vmkit::ext4
