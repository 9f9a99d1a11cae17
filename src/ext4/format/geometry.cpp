// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/geometry.hpp"

#include <algorithm>
#include <string>

#include "ext4/format/format.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

/// A last group that leaves fewer blocks than this beside its copy of the superblock is dropped:
/// the bound that mke2fs has, so that tools see a familiar size.
constexpr std::uint32_t least_useful_blocks = 50;

bool is_power_of(std::uint32_t base, std::uint32_t value) {
  while (value % base == 0) value /= base;
  return value == 1;
}

}  // namespace

Geometry::Geometry(ByteSize size) : size_(size) {
  if (size < 1_MiB || size > 16_TiB) {
    throw Error(Errc::invalid_argument, "ext4 image of " + std::to_string(size.bytes()) +
                                            " bytes: expected 1 MiB to 16 TiB");
  }
  blocks_ = size.bytes() / block_size;
  for (;;) {
    groups_ = static_cast<std::uint32_t>(ceil_div(blocks_, blocks_per_group));
    descriptor_blocks_ =
        static_cast<std::uint32_t>(ceil_div(std::uint64_t{groups_} * descriptor_size, block_size));
    const std::uint32_t last = groups_ - 1;
    if (last == 0 || group_blocks(last) >= base_blocks(last) + least_useful_blocks) break;
    blocks_ = first_block(last);
  }
}

std::uint64_t Geometry::first_block(std::uint32_t group) {
  return std::uint64_t{group} * blocks_per_group;
}

std::uint32_t Geometry::group_blocks(std::uint32_t group) const {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(blocks_per_group, blocks_ - first_block(group)));
}

bool Geometry::has_superblock(std::uint32_t group) {
  return group <= 1 || is_power_of(3, group) || is_power_of(5, group) || is_power_of(7, group);
}

std::uint32_t Geometry::base_blocks(std::uint32_t group) const {
  return has_superblock(group) ? 1 + descriptor_blocks_ : 0;
}

std::uint64_t Geometry::bytes_per_inode() const {
  if (size_ < 512_MiB) return 8192;
  if (size_ < 4_TiB) return 16384;
  return 65536;
}

std::uint32_t Geometry::default_table_blocks() const {
  const std::uint64_t inodes = size_.bytes() / bytes_per_inode();
  return std::clamp<std::uint64_t>(ceil_div(inodes, std::uint64_t{groups_} * inodes_per_block), 2,
                                   max_inodes_per_group / inodes_per_block);
}

std::optional<std::uint64_t> Geometry::tail_for_tables(std::uint32_t table_blocks) const {
  std::uint64_t left = groups_;
  for (std::uint32_t group = groups_; group-- > 0;) {
    const std::uint32_t fit = (group_blocks(group) - base_blocks(group)) / table_blocks;
    if (fit >= left) return first_block(group) + group_blocks(group) - left * table_blocks;
    left -= fit;
  }
  return std::nullopt;
}

}  // namespace vmkit::ext4
