// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// Numbers of the on-disk format that more than one source needs: see docs/formats/ext4.md.
namespace vmkit::ext4 {

inline constexpr std::uint32_t block_size = 4096;
inline constexpr std::uint32_t blocks_per_group = 8 * block_size;
inline constexpr std::uint32_t inode_size = 256;
inline constexpr std::uint32_t inodes_per_block = block_size / inode_size;
inline constexpr std::uint32_t max_inodes_per_group = 8 * block_size;
inline constexpr std::uint32_t descriptor_size = 64;
/// Of an inode's 256 bytes, those beyond the first 128 that hold fields; the rest is for xattrs.
inline constexpr std::uint32_t extra_isize = 32;

inline constexpr std::uint32_t root_ino = 2;
inline constexpr std::uint32_t resize_ino = 7;
inline constexpr std::uint32_t journal_ino = 8;
inline constexpr std::uint32_t first_free_ino = 11;  ///< Also that of lost+found.

inline constexpr std::uint32_t max_links = 65000;
/// Logical blocks of a file are 32 bits wide, and the last number means "none".
inline constexpr std::uint64_t max_file_blocks = 0xffffffff;

/// i_flags.
inline constexpr std::uint32_t inode_flag_index = 0x1000;
inline constexpr std::uint32_t inode_flag_extents = 0x80000;

/// The bytes that a directory entry with a name of `length` bytes takes.
constexpr std::uint32_t dirent_size(std::size_t length) {
  return static_cast<std::uint32_t>((8 + length + 3) & ~std::size_t{3});
}

/// The hash of names that indexed directories use, as superblock and index root call it.
inline constexpr std::uint8_t half_md4 = 1;

constexpr std::uint64_t ceil_div(std::uint64_t value, std::uint64_t by) {
  return (value + by - 1) / by;
}

}  // namespace vmkit::ext4
