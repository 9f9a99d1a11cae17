// SPDX-License-Identifier: Apache-2.0
#include "ext4/resize/evacuation.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "ext4/format/features.hpp"
#include "ext4/format/group_descriptor.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/read/group.hpp"
#include "ext4/tree/open_checks.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint64_t blocks_at_once = 256;

void append(std::vector<Extent>& extents, const Extent& extent) {
  if (!extents.empty()) {
    Extent& last = extents.back();
    if (last.logical_end() == extent.logical && last.physical_end() == extent.physical &&
        last.unwritten == extent.unwritten) {
      last.length += extent.length;
      return;
    }
  }
  extents.push_back(extent);
}

}  // namespace

Evacuation::Evacuation(State& state, const BlockRanges& zones, std::function<void()> check)
    : state_(state),
      zones_(zones),
      check_(std::move(check)),
      source_(state.device, state.image->volume) {}

void Evacuation::copy(std::uint64_t from, std::uint64_t to, std::uint64_t blocks) {
  for (std::uint64_t done = 0; done < blocks; done += blocks_at_once) {
    check_();
    const std::uint64_t part = std::min(blocks_at_once, blocks - done);
    buffer_.resize(part * block_size);
    state_.device.read_at((from + done) * block_size, buffer_);
    state_.output.write((to + done) * block_size, buffer_);
  }
}

void Evacuation::move_content() {
  std::array<std::byte, largest_block> record;
  const std::uint32_t orphan_file = orphan_file_of(*state_.image);
  state_.output.flush();
  state_.nodes.for_each_slot([&](std::uint32_t ino, Node& node) {
    if (!node.used) return;
    check_();
    if (!node.same) return move_data(node);
    const InodeRecord inode = read_inode(source_, ino, record);
    if (ino != orphan_file) return look_at(inode, node);
    walk_file(source_, inode, 0, [&](const MappedBlocks& mapped) {
      if (!hit(mapped.physical, mapped.length)) return true;
      throw Error(Errc::unsupported, "ext4 image cannot be resized: its orphan file (inode " +
                                         std::to_string(ino) + ") is in the way; it can be larger");
    });
  });
}

void Evacuation::look_at(const InodeRecord& inode, Node& node) {
  bool data = false;
  bool map = false;
  walk_file(
      source_, inode, 0,
      [&](const MappedBlocks& mapped) {
        data = data || hit(mapped.physical, mapped.length);
        return true;
      },
      [&](std::uint64_t block) { map = map || hit(block, 1); });
  if (data || map) state_.change_content(inode.ino);
  if (data) move_data(node);
  if (inode.xattr_block != 0 && hit(inode.xattr_block, 1)) state_.change_xattrs(inode.ino);
}

void Evacuation::move_data(Node& node) {
  auto* const file = std::get_if<RegularFile>(&node.content);
  if (file == nullptr) return;
  std::vector<Extent> moved;
  for (const Extent& extent : file->extents) {
    if (hit(extent.physical, extent.length)) {
      move_extent(extent, moved);
    } else {
      append(moved, extent);
    }
  }
  const std::uint64_t before = extent_index_blocks(disk_extents(file->extents));
  const std::uint64_t after = extent_index_blocks(disk_extents(moved));
  if (after > before) state_.space.promise(after - before, "what is moved");
  if (after < before) state_.space.take_back_promise(before - after);
  file->extents = std::move(moved);
}

void Evacuation::move_extent(const Extent& extent, std::vector<Extent>& moved) {
  std::uint32_t done = 0;
  while (done < extent.length) {
    const std::uint64_t at = std::uint64_t{extent.physical} + done;
    const BlockRange zone = zones_.next(at);
    const std::uint64_t left = extent.length - done;
    Extent part{extent.logical + done, static_cast<std::uint32_t>(at), 0, extent.unwritten};
    if (zone.length == 0 || zone.start > at) {
      part.length =
          static_cast<std::uint32_t>(zone.length == 0 ? left : std::min(left, zone.start - at));
    } else {
      const std::uint64_t goal = moved.empty() ? 0 : moved.back().physical_end();
      const BlockRange run =
          state_.space.allocate(std::min(left, zone.length), goal, "what is moved");
      if (!extent.unwritten) copy(at, run.start, run.length);
      state_.space.release({at, run.length});
      part.physical = static_cast<std::uint32_t>(run.start);
      part.length = static_cast<std::uint32_t>(run.length);
    }
    append(moved, part);
    done += part.length;
  }
}

std::uint64_t Evacuation::move_run(std::uint64_t start, std::uint64_t blocks) {
  if (!hit(start, blocks)) return start;
  if (!state_.image->volume.has_incompat(incompat::flex_bg)) {
    throw Error(Errc::unsupported,
                "ext4 image cannot be resized: without the feature flex_bg bitmaps and inode "
                "tables cannot be moved out of the way");
  }
  const auto run = state_.space.allocate_run(blocks);
  if (!run) {
    throw Error(Errc::resource_exhausted,
                "ext4 image cannot be resized: no " + std::to_string(blocks) +
                    " blocks are free in one piece for a bitmap or an inode table; it can be "
                    "larger");
  }
  copy(start, run->start, blocks);
  state_.space.release({start, blocks});
  return run->start;
}

void Evacuation::move_group_metadata(Image& after, std::uint32_t groups) {
  const Volume& volume = state_.image->volume;
  for (std::uint32_t group = 0; group < groups; ++group) {
    const auto descriptor = after.descriptor(group);
    GroupDescriptor facts = decode_descriptor(volume, group, descriptor);
    const GroupDescriptor before = facts;
    facts.block_bitmap = move_run(facts.block_bitmap, 1);
    facts.inode_bitmap = move_run(facts.inode_bitmap, 1);
    facts.inode_table = move_run(facts.inode_table, volume.inodes_per_group / inodes_per_block);
    if (facts.block_bitmap == before.block_bitmap && facts.inode_bitmap == before.inode_bitmap &&
        facts.inode_table == before.inode_table) {
      continue;
    }
    place_descriptor(descriptor, facts);
    update_descriptor(descriptor, facts, group, state_.seed);
  }
}

}  // namespace vmkit::ext4
