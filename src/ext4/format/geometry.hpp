// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <vmkit/base/byte_size.hpp>

namespace vmkit::ext4 {

/// How an image of a given size divides into block groups. Immutable; all numbers are blocks.
class Geometry {
 public:
  /// Throws invalid_argument unless `size` is 1 MiB to 16 TiB.
  explicit Geometry(ByteSize size);

  ByteSize size() const { return size_; }
  /// Of the file system: what does not fill a block, or a last group too small to be of use, is
  /// left at the end.
  std::uint64_t blocks() const { return blocks_; }
  std::uint32_t groups() const { return groups_; }
  std::uint32_t descriptor_blocks() const { return descriptor_blocks_; }

  static std::uint64_t first_block(std::uint32_t group);
  std::uint32_t group_blocks(std::uint32_t group) const;
  /// Whether the group starts with a copy of superblock and descriptors (sparse_super).
  static bool has_superblock(std::uint32_t group);
  /// The blocks of that copy: 0 without one.
  std::uint32_t base_blocks(std::uint32_t group) const;

  /// Bytes of image for each inode that an empty image has room for.
  std::uint64_t bytes_per_inode() const;
  /// Blocks of each group's inode table when the tree itself asks for no more.
  std::uint32_t default_table_blocks() const;
  /// Where the last blocks of the image begin that hold one run of `table_blocks` for each group,
  /// whatever lies before; none if the image is too small.
  std::optional<std::uint64_t> tail_for_tables(std::uint32_t table_blocks) const;

 private:
  ByteSize size_;
  std::uint64_t blocks_ = 0;
  std::uint32_t groups_ = 0;
  std::uint32_t descriptor_blocks_ = 0;
};

}  // namespace vmkit::ext4
