// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ext4/read/block_source.hpp"
#include "ext4/read/volume.hpp"

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

inline constexpr std::uint32_t inode_flag_huge_file = 0x40000;
inline constexpr std::uint32_t inode_flag_ea_inode = 0x200000;
inline constexpr std::uint32_t inode_flag_inline_data = 0x10000000;

/// One inode as its record says it. Nothing in it but its own consistency is checked: what it
/// points to is up to the readers of trees, directories and attributes.
struct InodeRecord {
  std::uint32_t ino = 0;
  FileType type = FileType::regular;
  Attributes attributes;
  std::optional<Timestamp> created;
  std::uint64_t size = 0;
  std::uint64_t sectors = 0;  ///< Allocated, of 512 bytes.
  std::uint32_t links = 0;
  std::uint32_t flags = 0;
  std::uint32_t generation = 0;
  std::uint64_t xattr_block = 0;          ///< 0: none.
  std::array<std::byte, 60> block = {};   ///< i_block.
  std::uint32_t checksum_seed = 0;        ///< Of all that belongs to this inode.
  std::span<const std::byte> xattr_area;  ///< Of the record it was decoded from.

  bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
  /// Of a device; zero for all others.
  DeviceNumber device() const;
  /// Whether a symlink's target stands in i_block.
  bool fast_symlink() const;
};

/// Whether the record (inode_size bytes) is of an inode in use: has a type and names.
bool inode_used(std::span<const std::byte> record);

/// Which inodes count as being in use: an orphan was removed while it was open.
enum class InodeUse { named, named_or_orphan };

/// Decodes the record of an inode in use. Throws data_corruption: a checksum, an unknown type, or
/// an inode that is not in use.
InodeRecord decode_inode(const Volume& volume, std::uint32_t ino, std::span<const std::byte> record,
                         InodeUse use = InodeUse::named);

/// Finds and reads the record of `ino` (1 to volume.inodes) into `record`, inode_size bytes of
/// which are used.
InodeRecord read_inode(BlockSource& source, std::uint32_t ino,
                       std::span<std::byte, largest_block> record);

}  // namespace vmkit::ext4
