// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/update.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/commit/block_bitmap.hpp"
#include "ext4/commit/temporary_journal.hpp"
#include "ext4/commit/transaction.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/features.hpp"
#include "ext4/format/format.hpp"
#include "ext4/format/group_descriptor.hpp"

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
