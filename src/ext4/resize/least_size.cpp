// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ext4/format/features.hpp"
#include "ext4/resize/resizer.hpp"
#include "ext4/tree/open_checks.hpp"

namespace vmkit::ext4 {
namespace {

constexpr std::uint64_t room_for_journal = 1024;
constexpr std::uint64_t least_rest = 50;

/// Blocks that are written anew while others are moved: at most all that are no data.
std::uint64_t blocks_of_content(State& state) {
  std::uint64_t blocks = 0;
  state.nodes.for_each_slot([&](std::uint32_t, Node& node) {
    if (node.used) blocks += node.content_promise() + (node.xattrs ? 1 : 0);
  });
  return blocks;
}

}  // namespace

ByteSize Resizer::least_size(State& state) {
  Image& image = *state.image;
  const Volume& volume = image.volume;
  const std::uint64_t table = volume.inodes_per_group / inodes_per_block;
  std::uint64_t used = volume.blocks;
  for (const BlockRanges* ranges : {&state.space.free(), &state.space.held()}) {
    used -= ranges->count({0, volume.blocks});
  }
  for (std::uint32_t group = 0; group < volume.groups; ++group) {
    used -= group_base_blocks(volume, image.superblock, group) + 2 + table;
  }
  used += blocks_of_content(state);
  // A table that is moved needs its place in one piece; and journals come and go.
  used += 2 * table + 64;
  if (!volume.has_compat(compat::has_journal)) used += room_for_journal;
  const std::uint64_t inodes = state.nodes.count() + first_free_ino;
  std::uint64_t blocks = 0;
  for (std::uint32_t groups = 1; groups <= volume.groups; ++groups) {
    blocks += group_base_blocks(volume, image.superblock, groups - 1) + 2 + table;
    if (std::uint64_t{groups} * volume.inodes_per_group < inodes) continue;
    std::uint64_t needed = blocks + used;
    if (needed > groups * std::uint64_t{blocks_per_group}) continue;
    const std::uint64_t first = volume.group_first_block(groups - 1);
    const std::uint64_t least_here =
        first + group_base_blocks(volume, image.superblock, groups - 1) + 2 + table + least_rest;
    needed = std::max({needed, least_here, (1_MiB).bytes() / block_size});
    return ByteSize(std::min(needed, volume.blocks) * block_size);
  }
  return ByteSize(volume.blocks * block_size);
}

}  // namespace vmkit::ext4
