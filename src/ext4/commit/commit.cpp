// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/commit.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/format/bitmap.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"

namespace vmkit::ext4 {

Commit::Commit(State& state, const CallOptions& options)
    : state_(state),
      options_(options),
      meter_(options.progress, "commit", "", ProgressUnit::entries, state.nodes.count()),
      seed_(file_system_checksum_seed(state.options.uuid)),
      groups_(state.geometry.groups()) {}

void Commit::check() const {
  options_.check("commit of an ext4 image");
}

void Commit::run() {
  discard_stale();
  place_group_metadata();
  write_inodes();
  write_block_bitmaps();
  write_descriptors_and_superblocks();
  meter_.flush();
}

void Commit::discard_stale() {
  state_.output.flush();
  const BlockRanges stale = state_.space.begin_commit();
  for (const auto& [start, length] : stale.map()) {
    check();
    state_.device.discard(start * block_size, length * block_size);
  }
}

void Commit::place_group_metadata() {
  for (GroupFacts& group : groups_) group.block_bitmap = allocate_block();
  for (GroupFacts& group : groups_) group.inode_bitmap = allocate_block();
  const auto tables = state_.space.place_tables(state_.nodes.last());
  for (std::size_t i = 0; i < groups_.size(); ++i) groups_[i].inode_table = tables[i].start;
  inodes_per_group_ = static_cast<std::uint32_t>(tables.front().length * inodes_per_block);
}

void Commit::write_block_bitmaps() {
  const Geometry& geometry = state_.geometry;
  std::array<std::byte, block_size> bitmap;
  for (std::uint32_t group = 0; group < geometry.groups(); ++group) {
    GroupFacts& facts = groups_[group];
    const BlockRange blocks{Geometry::first_block(group), geometry.group_blocks(group)};
    facts.free_blocks = static_cast<std::uint32_t>(state_.space.free().count(blocks));
    // Readers fill in the copy of the superblock themselves. The last group's bitmap is always
    // there because it marks what is beyond the end.
    if (facts.free_blocks + geometry.base_blocks(group) == blocks.length &&
        group + 1 < geometry.groups()) {
      continue;
    }
    bitmap.fill(std::byte{0xff});
    BlockRange run = state_.space.free().next(blocks.start);
    while (run.length > 0 && run.start < blocks.end()) {
      const std::uint64_t end = std::min(run.end(), blocks.end());
      clear_bits(bitmap, run.start - blocks.start, end - blocks.start);
      run = state_.space.free().next(end);
    }
    facts.block_bitmap_written = true;
    facts.block_bitmap_checksum = crc32c(seed_, bitmap);
    state_.output.write(facts.block_bitmap * block_size, bitmap);
  }
}

void Commit::write_descriptors_and_superblocks() {
  const Geometry& geometry = state_.geometry;
  SuperblockFacts facts;
  facts.inodes_per_group = inodes_per_group_;
  std::vector<std::byte> descriptors(std::size_t{geometry.descriptor_blocks()} * block_size);
  for (std::uint32_t group = 0; group < geometry.groups(); ++group) {
    facts.free_blocks += groups_[group].free_blocks;
    facts.free_inodes += groups_[group].free_inodes;
    store_descriptor(
        std::span(descriptors).subspan(std::size_t{group} * descriptor_size, descriptor_size),
        groups_[group], group, seed_);
  }
  if (journal_) {
    facts.journal_block = journal_->block;
    facts.journal_size = journal_->size;
  }
  state_.output.write(block_size, descriptors);
  state_.output.flush();
  check();
  state_.device.flush();
  check();
  write_superblocks(make_superblock(state_.options, geometry, facts), descriptors);
}

/// The copies first, and the one that makes the image valid at the very end.
void Commit::write_superblocks(std::array<std::byte, superblock_size> superblock,
                               std::span<const std::byte> descriptors) {
  std::array<std::byte, block_size> block{};
  for (std::uint32_t group = 1; group < state_.geometry.groups(); ++group) {
    if (!Geometry::has_superblock(group)) continue;
    check();
    address_superblock(superblock, group);
    std::memcpy(block.data(), superblock.data(), superblock.size());
    const std::uint64_t start = Geometry::first_block(group) * block_size;
    state_.output.write(start, block);
    state_.output.write(start + block_size, descriptors);
  }
  state_.output.flush();
  state_.device.flush();
  check();
  address_superblock(superblock, 0);
  block.fill(std::byte{0});
  std::memcpy(&block[superblock_offset], superblock.data(), superblock.size());
  try {
    state_.device.write_at(0, block);
    state_.device.flush();
  } catch (...) {
    try {
      state_.device.discard(0, block_size);
    } catch (...) {
      // The device fails anyway; the first error says more.
    }
    throw;
  }
}

}  // namespace vmkit::ext4
