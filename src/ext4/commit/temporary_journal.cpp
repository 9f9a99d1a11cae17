// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/temporary_journal.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "ext4/commit/block_bitmap.hpp"
#include "ext4/commit/content_writer.hpp"
#include "ext4/format/bitmap.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/features.hpp"
#include "ext4/format/group_descriptor.hpp"
#include "ext4/format/journal.hpp"
#include "ext4/read/group.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

/// The fewest blocks that the kernel and e2fsck take for a journal.
constexpr std::uint64_t least_journal_blocks = 1024;
constexpr std::size_t journal_record_at = (journal_ino - 1) * inode_size;

std::span<std::byte> journal_record(Block& table) {
  return std::span(table).subspan(journal_record_at, inode_size);
}

/// Of a journal for a transaction of `blocks`, and those that say that it is there.
std::uint64_t journal_size_for(std::uint64_t blocks) {
  return std::max(least_journal_blocks, 2 * JournalLog::length(blocks) + 64);
}

[[noreturn]] void throw_no_room(const State& state, std::uint64_t blocks) {
  throw Error(Errc::resource_exhausted,
              "ext4 image of " + to_string(ByteSize(state.image->volume.blocks * block_size)) +
                  ": no " + std::to_string(blocks * block_size / 1024) +
                  " KiB free, in four pieces at most, for the journal that keeps a commit whole; "
                  "give it a larger size, or commit in place");
}

}  // namespace

void require_room_for_journal(const State& state, std::uint64_t blocks) {
  const std::uint64_t size = journal_size_for(blocks);
  if (state.space.available() < size) throw_no_room(state, size);
}

TemporaryJournal::TemporaryJournal(State& state, const Image& after, Overwrites& overwrites)
    : state_(state), after_(after) {
  Image& before = *state.image;
  const GroupDescriptor group = decode_descriptor(before.volume, 0, before.descriptor(0));
  table_block_ = group.inode_table + (journal_ino - 1) / inodes_per_block;
  state.device.read_at(table_block_ * block_size, table_before_);
  auto& table = overwrites[table_block_];
  if (!table) table = std::make_unique<Block>(table_before_);
  std::memset(journal_record(*table).data(), 0, inode_size);
  find_place(journal_size_for(overwrites.size()));
  during_[table_block_] = std::make_unique<Block>(*table);
  store_inode();
  mark_blocks();
  store_superblock();
}

void TemporaryJournal::find_place(std::uint64_t blocks) {
  const auto& free = state_.space.free().map();
  const auto whole =
      std::find_if(free.begin(), free.end(), [&](const auto& run) { return run.second >= blocks; });
  std::uint64_t left = blocks;
  const auto take = [&](std::uint64_t start, std::uint64_t length) {
    const std::uint64_t part = std::min(left, length);
    runs_.push_back({start, part});
    place_.append(start, part);
    left -= part;
  };
  if (whole != free.end()) return take(whole->first, whole->second);
  std::vector<BlockRange> largest;
  for (const auto& [start, length] : free) largest.push_back({start, length});
  std::stable_sort(largest.begin(), largest.end(),
                   [](const BlockRange& a, const BlockRange& b) { return a.length > b.length; });
  constexpr std::size_t extents_in_inode = 4;
  for (std::size_t i = 0; i < largest.size() && i < extents_in_inode && left > 0; ++i) {
    take(largest[i].start, largest[i].length);
  }
  if (left > 0) throw_no_room(state_, blocks);
}

void TemporaryJournal::store_inode() {
  Node node;
  node.set({0600, 0, 0, {}, {}, {}});
  node.links = 1;
  const std::uint32_t seed = inode_checksum_seed(state_.seed, journal_ino);
  const ExtentTree tree = build_extent_tree(
      place_.extents, seed,
      []() -> std::uint64_t { throw Error(Errc::internal, "ext4: a journal of many pieces"); },
      [](std::uint64_t, std::span<const std::byte>) {});
  inode_.block = tree.root;
  inode_.flags = inode_flag_extents;
  inode_.size = place_.blocks * block_size;
  inode_.blocks = place_.blocks;
  ext4::store_inode(journal_record(*during_.at(table_block_)), node, inode_, {}, seed);
}

/// Bitmaps and descriptors, as they are with the journal.
void TemporaryJournal::mark_blocks() {
  const Volume& volume = after_.volume;
  std::vector<std::byte> descriptors = after_.descriptors;
  std::vector<std::uint32_t> groups;
  for (const BlockRange& run : runs_) {
    for (std::uint64_t group = run.start / blocks_per_group;
         group <= (run.end() - 1) / blocks_per_group; ++group) {
      groups.push_back(static_cast<std::uint32_t>(group));
    }
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  const std::uint32_t in_block = block_size / volume.descriptor_size;
  for (const std::uint32_t group : groups) {
    const auto descriptor =
        std::span(descriptors)
            .subspan(std::size_t{group} * volume.descriptor_size, volume.descriptor_size);
    GroupDescriptor facts = decode_descriptor(volume, group, descriptor);
    auto& bitmap = during_[facts.block_bitmap];
    bitmap = std::make_unique<Block>();
    facts.free_blocks = fill_block_bitmap(*bitmap, volume, group, state_.space);
    const std::uint64_t first = volume.group_first_block(group);
    for (const BlockRange& run : runs_) {
      const std::uint64_t end = std::min(run.end(), first + blocks_per_group);
      for (std::uint64_t block = std::max(run.start, first); block < end; ++block) {
        set_bit(*bitmap, block - first);
        --facts.free_blocks;
      }
    }
    facts.block_bitmap_checksum = crc32c(state_.seed, *bitmap);
    facts.block_bitmap_written = true;
    update_descriptor(descriptor, facts, group, state_.seed);
  }
  for (const std::uint32_t group : groups) {
    auto& block = during_[descriptor_block(volume, group)];
    if (!block) block = std::make_unique<Block>();
    std::memcpy(block->data(),
                &descriptors[std::size_t{group / in_block} * in_block * volume.descriptor_size],
                block_size);
  }
}

void TemporaryJournal::store_superblock() {
  superblock_ = after_.superblock;
  const auto put = [&](std::size_t at, std::uint64_t value) {
    store_le(&superblock_[at], static_cast<std::uint32_t>(value));
  };
  const auto add = [&](std::size_t at, std::uint32_t bits) {
    store_le(&superblock_[at], load_le<std::uint32_t>(&superblock_[at]) | bits);
  };
  add(0x5c, compat::has_journal);
  add(0x60, incompat::needs_recovery);
  put(0xe0, journal_ino);
  store_journal_copy(superblock_, inode_);
  update_superblock(superblock_, after_.volume.free_blocks - place_.blocks,
                    after_.volume.free_inodes);
}

LoggedBlocks TemporaryJournal::logged(const Overwrites& overwrites) const {
  LoggedBlocks logged;
  for (const auto& [number, block] : during_) logged.emplace_back(number, block.get());
  for (const auto& [number, block] : overwrites) {
    if (!during_.contains(number)) logged.emplace_back(number, block.get());
  }
  std::sort(logged.begin(), logged.end());
  return logged;
}

void TemporaryJournal::write(const Overwrites& overwrites) {
  auto head_block =
      make_journal_superblock(static_cast<std::uint32_t>(place_.blocks), after_.volume.uuid);
  write_log(state_.output, place_, decode_journal_head(head_block), logged(overwrites));
  start_journal(head_block);
  Block first{};
  std::memcpy(first.data(), head_block.data(), head_block.size());
  state_.output.write(place_.physical(0) * block_size, first);
  // Before the superblock knows it, nobody looks at inode 8.
  Block table = table_before_;
  const auto record = std::span(*during_.at(table_block_)).subspan(journal_record_at, inode_size);
  std::memcpy(journal_record(table).data(), record.data(), record.size());
  state_.output.write(table_block_ * block_size, table);
}

void TemporaryJournal::discard() {
  for (const BlockRange& run : runs_) {
    state_.device.discard(run.start * block_size, run.length * block_size);
  }
}

}  // namespace vmkit::ext4
