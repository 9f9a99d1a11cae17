// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "ext4/commit/update.hpp"
#include "ext4/format/bitmap.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/group_descriptor.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/tree/value_references.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {

void Update::update_inodes(std::uint32_t group) {
  const std::uint32_t count = image_.volume.inodes_per_group;
  const std::uint32_t first_ino = group * count + 1;
  const GroupDescriptor before = decode_descriptor(image_.volume, group, descriptor(group));
  bool numbers_changed = false;
  bool any_changed = false;
  for (std::uint32_t index = 0; index < count; index += inodes_per_block) {
    bool changed = false;
    for (std::uint32_t i = index; i < std::min(index + inodes_per_block, count); ++i) {
      const Node* const node = state_.nodes.slot(first_ino + i);
      if (node == nullptr || !node->changed) continue;
      changed = true;
      // One that takes the place of another may be a directory where none was.
      numbers_changed = numbers_changed || !node->same;
    }
    if (changed) update_table_block(group, before, index);
    any_changed = any_changed || changed;
  }
  if (numbers_changed) update_inode_bitmap(group, before);
}

/// The block of the inode table with the records from `index` on.
void Update::update_table_block(std::uint32_t group, const GroupDescriptor& before,
                                std::uint32_t index) {
  const std::uint32_t count = image_.volume.inodes_per_group;
  const std::uint32_t used_before = before.inode_bitmap_written ? count - before.unused_inodes : 0;
  const std::uint64_t number = before.inode_table + index / inodes_per_block;
  const bool unseen = index >= used_before;
  Block block{};
  if (!unseen) state_.device.read_at(number * block_size, block);
  for (std::uint32_t i = 0; i < inodes_per_block && index + i < count; ++i) {
    const std::uint32_t ino = group * count + index + i + 1;
    Node* const node = state_.nodes.slot(ino);
    const auto record = std::span(block).subspan(std::size_t{i} * inode_size, inode_size);
    if (node != nullptr && node->changed) {
      check();
      update_record(record, ino, *node);
      meter_.add(1);
    }
    const bool used = ino < first_free_ino || (node != nullptr && node->used);
    if (!used) std::fill(record.begin(), record.end(), std::byte{0});
  }
  write_block(number, block, unseen);
}

void Update::update_record(std::span<std::byte> record, std::uint32_t ino, Node& node) {
  if (node.same) return update_same(record, ino, node);
  if (node.stored) {
    const InodeRecord old = decode_inode(image_.volume, ino, record, InodeUse::named_or_orphan);
    release_content(old);
    release_xattrs(old);
  }
  if (!node.used) return;
  const auto renumbered = state_.renumbered.find(ino);
  if (renumbered != state_.renumbered.end()) {
    return move_record(record, ino, renumbered->second, node);
  }
  const std::uint32_t inode_seed = inode_checksum_seed(state_.seed, ino);
  InodePlacement placement = content_.place(ino, node, inode_seed);
  content_.place_xattrs(node, placement);
  store_inode(record, node, placement, state_.created, inode_seed);
}

void Update::update_same(std::span<std::byte> record, std::uint32_t ino, Node& node) {
  const InodeRecord old = decode_inode(image_.volume, ino, record);
  InodePlacement placement;
  if (node.content_changed) {
    release_content(old);
    placement = content_.place(ino, node, old.checksum_seed);
    if (ino == image_.volume.journal_ino) store_journal_copy(image_.superblock, placement);
  } else {
    placement.block = old.block;
    placement.size = old.size;
    placement.flags = old.flags & (inode_flag_index | inode_flag_extents);
    placement.blocks = old.sectors / (block_size / 512) - (old.xattr_block != 0 ? 1 : 0) -
                       read_value_references(source_, old).blocks;
  }
  if (node.xattrs_changed) {
    release_xattrs(old);
    content_.place_xattrs(node, placement);
  } else {
    placement.xattr_block = old.xattr_block;
    placement.blocks += old.xattr_block != 0 ? 1 : 0;
    placement.blocks += node.xattrs ? node.xattrs->value_blocks() : 0;
  }
  store_inode(record, node, placement, state_.created, old.checksum_seed);
}

/// All that depends on the number is written anew; the old record, which is read here, goes later.
void Update::move_record(std::span<std::byte> record, std::uint32_t ino, std::uint32_t old_ino,
                         Node& node) {
  std::array<std::byte, largest_block> old_record;
  const InodeRecord old = read_inode(source_, old_ino, old_record);
  std::memcpy(record.data(), old_record.data(), record.size());
  const std::uint32_t inode_seed = inode_checksum_seed(state_.seed, ino, old.generation);
  InodePlacement placement = content_.place(ino, node, inode_seed);
  content_.place_xattrs(node, placement);
  node.same = true;  // for what the record says beyond the node
  store_inode(record, node, placement, state_.created, inode_seed);
}

void Update::release_content(const InodeRecord& old) {
  const bool data_too = old.type == FileType::directory || old.type == FileType::symlink;
  if (!data_too && old.type != FileType::regular) return;
  if (old.fast_symlink()) return;
  walk_file(
      source_, old, 0,
      [&](const MappedBlocks& mapped) {
        if (data_too) state_.space.release({mapped.physical, mapped.length});
        return true;
      },
      [&](std::uint64_t block) {
        state_.space.release({block, 1});
      });
}

void Update::release_xattrs(const InodeRecord& old) {
  if (old.xattr_block == 0) return;
  constexpr std::size_t count_at = 4;
  std::array<std::byte, 4> count;
  source_.read(old.xattr_block, count_at, count);
  std::uint32_t& fewer = shared_xattrs_[old.xattr_block];
  if (++fewer < load_le<std::uint32_t>(count.data())) return;
  shared_xattrs_.erase(old.xattr_block);
  state_.space.release({old.xattr_block, 1});
}

void Update::keep_shared_xattrs() {
  constexpr std::size_t count_at = 4;
  constexpr std::size_t checksum_at = 16;
  Block block;
  for (const auto& [number, fewer] : shared_xattrs_) {
    source_.read(number, block);
    store_le(&block[count_at], load_le<std::uint32_t>(&block[count_at]) - fewer);
    store_le(&block[checksum_at], std::uint32_t{0});
    std::array<std::byte, 8> place;
    store_le(place.data(), number);
    store_le(&block[checksum_at], crc32c(crc32c(state_.seed, place), block));
    write_block(number, block, false);
  }
}

void Update::update_inode_bitmap(std::uint32_t group, const GroupDescriptor& before) {
  const std::uint32_t count = image_.volume.inodes_per_group;
  const std::uint32_t first_ino = group * count + 1;
  GroupDescriptor facts = before;
  facts.free_inodes = count;
  facts.directories = 0;
  std::uint32_t end_used = 0;
  Block bitmap;
  bitmap.fill(std::byte{0xff});
  clear_bits(bitmap, 0, count);
  for (std::uint32_t index = 0; index < count; ++index) {
    const std::uint32_t ino = first_ino + index;
    const Node* const node = state_.nodes.find(ino);
    if (ino >= first_free_ino && node == nullptr) continue;
    if (node != nullptr && node->type == FileType::directory) ++facts.directories;
    set_bit(bitmap, index);
    --facts.free_inodes;
    end_used = index + 1;
  }
  // Whatever stood in the table once: what was used before never counts as unused again.
  if (before.inode_bitmap_written) end_used = std::max(end_used, count - before.unused_inodes);
  facts.unused_inodes = count - end_used;
  facts.inode_bitmap_written = true;
  facts.inode_bitmap_checksum = crc32c(state_.seed, std::span(bitmap).first(count / 8));
  clear_new_table_blocks(group, before, end_used);
  write_block(facts.inode_bitmap, bitmap, !before.inode_bitmap_written);
  update_descriptor(descriptor(group), facts, group, state_.seed);
}

/// Blocks of the table that begin to count now, without an inode of their own.
void Update::clear_new_table_blocks(std::uint32_t group, const GroupDescriptor& before,
                                    std::uint32_t end_index) {
  if (table_is_zeroed(descriptor(group))) return;
  const std::uint32_t count = image_.volume.inodes_per_group;
  const std::uint32_t used_before = before.inode_bitmap_written ? count - before.unused_inodes : 0;
  const Block zeros{};
  for (std::uint32_t index =
           (used_before + inodes_per_block - 1) / inodes_per_block * inodes_per_block;
       index < end_index; index += inodes_per_block) {
    bool changed = false;
    for (std::uint32_t i = index; i < index + inodes_per_block; ++i) {
      const Node* const node = state_.nodes.slot(group * count + i + 1);
      changed = changed || (node != nullptr && node->changed);
    }
    if (!changed) write_block(before.inode_table + index / inodes_per_block, zeros, true);
  }
}

}  // namespace vmkit::ext4
