// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/update.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/commit/block_bitmap.hpp"
#include "ext4/commit/temporary_journal.hpp"
#include "ext4/commit/transaction.hpp"
#include "ext4/format/bitmap.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/features.hpp"
#include "ext4/format/format.hpp"
#include "ext4/format/group_descriptor.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/tree/value_references.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {

Update::Update(State& state, CommitMode mode, const CallOptions& options)
    : Update(state, mode, options, *state.image, {}) {}

Update::Update(State& state, CommitMode mode, const CallOptions& options, Image after,
               std::vector<std::uint32_t> groups)
    : state_(state),
      mode_(mode),
      options_(options),
      image_(std::move(after)),
      groups_(std::move(groups)),
      source_(state.device, state.image->volume),
      content_(state, [this] { check(); }),
      meter_(options.progress, "commit", "", ProgressUnit::entries, changed_inodes()) {}

void Update::check() const {
  options_.check("commit of an ext4 image");
}

std::uint64_t Update::changed_inodes() {
  std::uint64_t count = 0;
  state_.nodes.for_each_slot([&](std::uint32_t, const Node& node) { count += node.changed; });
  return count;
}

void Update::check_room() {
  const Volume& volume = image_.volume;
  if (mode_ == CommitMode::in_place || volume.has_compat(compat::has_journal)) return;
  std::uint64_t blocks = 2 * std::uint64_t{volume.groups} + image_.descriptors.size() / block_size;
  std::uint32_t last_block = ~std::uint32_t{0};
  state_.nodes.for_each_slot([&](std::uint32_t ino, const Node& node) {
    if (!node.changed || (ino - 1) / inodes_per_block == last_block) return;
    last_block = (ino - 1) / inodes_per_block;
    ++blocks;
  });
  require_room_for_journal(state_, blocks);
}

void Update::run() {
  state_.output.flush();
  discard(state_.space.begin_commit());
  const std::uint32_t groups = std::min(
      image_.volume.groups, (state_.nodes.last() - 1) / image_.volume.inodes_per_group + 1);
  for (std::uint32_t group = 0; group < groups; ++group) update_inodes(group);
  keep_shared_xattrs();
  update_block_bitmaps();
  update_descriptors_and_superblock();
  finish();
}

void Update::discard(const BlockRanges& ranges) {
  for (const auto& [start, length] : ranges.map()) {
    state_.device.discard(start * block_size, length * block_size);
  }
}

void Update::finish() {
  check();
  Transaction transaction(state_, image_, overwrites_);
  if (mode_ == CommitMode::atomic) {
    transaction.write_through_journal([this] { check(); });
  } else {
    transaction.write_in_place();
  }
  discard(state_.settle(std::move(image_)));
  meter_.flush();
}

std::span<std::byte> Update::descriptor(std::uint32_t group) {
  return image_.descriptor(group);
}

void Update::write_block(std::uint64_t number, std::span<const std::byte, block_size> data,
                         bool unseen) {
  if (unseen || mode_ == CommitMode::in_place) {
    state_.output.write(number * block_size, data);
    return;
  }
  auto& block = overwrites_[number];
  if (!block) block = std::make_unique<Block>();
  std::memcpy(block->data(), data.data(), data.size());
}

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

void Update::update_block_bitmaps() {
  const Volume& volume = image_.volume;
  std::vector<std::uint32_t> groups = groups_;
  for (const BlockRanges* ranges : {&state_.space.fresh(), &state_.space.held()}) {
    for (const auto& [start, length] : ranges->map()) {
      for (std::uint64_t group = start / blocks_per_group;
           group <= (start + length - 1) / blocks_per_group; ++group) {
        groups.push_back(static_cast<std::uint32_t>(group));
      }
    }
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  Block bitmap;
  for (const std::uint32_t group : groups) {
    GroupDescriptor facts = decode_descriptor(volume, group, descriptor(group));
    facts.free_blocks = fill_block_bitmap(bitmap, volume, group, state_.space);
    facts.block_bitmap_checksum = crc32c(state_.seed, bitmap);
    write_block(facts.block_bitmap, bitmap, !facts.block_bitmap_written);
    facts.block_bitmap_written = true;
    update_descriptor(descriptor(group), facts, group, state_.seed);
  }
}

void Update::update_descriptors_and_superblock() {
  const Volume& volume = image_.volume;
  std::uint64_t free_blocks = 0;
  std::uint32_t free_inodes = 0;
  for (std::uint32_t group = 0; group < volume.groups; ++group) {
    const GroupDescriptor facts = decode_descriptor(volume, group, descriptor(group));
    free_blocks += facts.free_blocks;
    free_inodes += facts.free_inodes;
  }
  for (std::uint32_t first = 0; first < volume.groups;
       first += block_size / volume.descriptor_size) {
    update_descriptor_block(first);
  }
  clear_resize_inode();
  if (state_.xattr_values > 0) {
    image_.volume.features.incompat |= incompat::ea_inode;
    store_le(&image_.superblock[0x60], image_.volume.features.incompat);
  }
  update_superblock(image_.superblock, free_blocks, free_inodes);
  image_.volume.free_blocks = free_blocks;
  image_.volume.free_inodes = free_inodes;
}

void Update::update_descriptor_block(std::uint32_t first_group) {
  const Volume& volume = image_.volume;
  const std::size_t at = std::size_t{first_group} * volume.descriptor_size;
  const auto after = std::span(image_.descriptors).subspan(at).first<block_size>();
  const std::uint64_t number = descriptor_block(volume, first_group);
  const std::vector<std::byte>& before = state_.image->descriptors;
  if (at >= before.size()) return write_block(number, after, true);
  if (std::memcmp(after.data(), &before[at], block_size) == 0) return;
  const std::uint32_t old_groups = state_.image->volume.groups;
  if (volume.groups > old_groups &&
      first_group + block_size / volume.descriptor_size > old_groups) {
    // Groups that are new must be there before the superblock counts them: mounting looks at all
    // descriptors before it replays a journal.
    Block both;
    std::memcpy(both.data(), after.data(), block_size);
    std::memcpy(both.data(), &before[at],
                std::size_t{old_groups - first_group} * volume.descriptor_size);
    write_block(number, both, true);
  }
  write_block(number, after, false);
}

/// Without its feature, the inode that keeps blocks for descriptors is empty.
void Update::clear_resize_inode() {
  if (!state_.image->volume.has_compat(compat::resize_inode) ||
      image_.volume.has_compat(compat::resize_inode)) {
    return;
  }
  const GroupDescriptor facts = decode_descriptor(image_.volume, 0, descriptor(0));
  state_.output.flush();
  auto& table = overwrites_[facts.inode_table];
  if (!table) {
    table = std::make_unique<Block>();
    state_.device.read_at(facts.inode_table * block_size, *table);
  }
  std::memset(&(*table)[std::size_t{resize_ino - 1} * inode_size], 0, inode_size);
}

}  // namespace vmkit::ext4
