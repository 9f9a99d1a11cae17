// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/first_commit.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/format/bitmap.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"
#include "ext4/format/journal.hpp"

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t records_in_chunk = 1024;

}  // namespace

FirstCommit::FirstCommit(State& state, CommitMode mode, const CallOptions& options)
    : state_(state),
      mode_(mode),
      options_(options),
      content_(state, [this] { check(); }),
      meter_(options.progress, "commit", "", ProgressUnit::entries, state.nodes.count()),
      groups_(state.geometry->groups()) {}

void FirstCommit::check() const {
  options_.check("commit of an ext4 image");
}

void FirstCommit::run() {
  discard_stale();
  place_group_metadata();
  write_inodes();
  write_block_bitmaps();
  write_descriptors_and_superblocks();
  meter_.flush();
  settle();
}

void FirstCommit::flush_device() {
  state_.output.flush();
  if (mode_ == CommitMode::atomic) state_.device.flush();
}

void FirstCommit::discard_stale() {
  state_.output.flush();
  const BlockRanges stale = state_.space.begin_commit();
  for (const auto& [start, length] : stale.map()) {
    check();
    state_.device.discard(start * block_size, length * block_size);
  }
}

void FirstCommit::place_group_metadata() {
  for (GroupFacts& group : groups_) group.block_bitmap = content_.allocate_block();
  for (GroupFacts& group : groups_) group.inode_bitmap = content_.allocate_block();
  const auto tables = state_.space.place_tables(state_.nodes.last());
  for (std::size_t i = 0; i < groups_.size(); ++i) groups_[i].inode_table = tables[i].start;
  inodes_per_group_ = static_cast<std::uint32_t>(tables.front().length * inodes_per_block);
}

void FirstCommit::fill_record(std::span<std::byte> record, std::uint32_t ino, Node& node) {
  const std::uint32_t inode_seed = inode_checksum_seed(state_.seed, ino);
  InodePlacement placement = content_.place(ino, node, inode_seed);
  content_.place_xattrs(node, placement);
  if (ino == journal_ino) {
    journal_ = placement;
    const auto& file = std::get<RegularFile>(node.content);
    state_.output.write(std::uint64_t{file.extents.front().physical} * block_size,
                        make_journal_superblock(static_cast<std::uint32_t>(file.size / block_size),
                                                state_.options.uuid));
  }
  store_inode(record, node, placement, state_.created, inode_seed);
}

/// Writes the used ones of the records from `first_index` on: whole blocks, what is between them
/// as zeros.
void FirstCommit::write_records(std::uint32_t group, std::uint32_t first_index) {
  const std::uint32_t end_index = std::min(first_index + records_in_chunk, inodes_per_group_);
  records_.assign(std::size_t{end_index - first_index} * inode_size, std::byte{0});
  std::uint32_t first_used = end_index;
  std::uint32_t end_used = first_index;
  for (std::uint32_t index = first_index; index < end_index; ++index) {
    const std::uint64_t ino = std::uint64_t{group} * inodes_per_group_ + index + 1;
    if (ino > state_.nodes.last()) break;
    Node* const node = state_.nodes.find(static_cast<std::uint32_t>(ino));
    if (node == nullptr) continue;
    check();
    fill_record(
        std::span(records_).subspan(std::size_t{index - first_index} * inode_size, inode_size),
        static_cast<std::uint32_t>(ino), *node);
    if (node->type == FileType::directory) ++groups_[group].directories;
    first_used = std::min(first_used, index);
    end_used = index + 1;
    meter_.add(1);
  }
  if (first_used >= end_used) return;
  const std::uint32_t first_block = first_used / inodes_per_block;
  const std::uint32_t end_block = (end_used + inodes_per_block - 1) / inodes_per_block;
  const std::size_t skip = std::size_t{first_block} * block_size - first_index * inode_size;
  state_.device.write_at(
      (groups_[group].inode_table + first_block) * block_size,
      std::span(records_).subspan(skip, std::size_t{end_block - first_block} * block_size));
}

void FirstCommit::write_inode_group(std::uint32_t group) {
  GroupFacts& facts = groups_[group];
  const std::uint64_t first_ino = std::uint64_t{group} * inodes_per_group_ + 1;
  facts.free_inodes = inodes_per_group_;
  facts.unused_inodes = inodes_per_group_;
  if (first_ino > state_.nodes.last()) return;
  std::array<std::byte, block_size> bitmap;
  bitmap.fill(std::byte{0xff});
  clear_bits(bitmap, 0, inodes_per_group_);
  for (std::uint32_t index = 0; index < inodes_per_group_; ++index) {
    const std::uint64_t ino = first_ino + index;
    if (ino > state_.nodes.last()) break;
    const bool reserved = ino < first_free_ino;
    if (!reserved && state_.nodes.find(static_cast<std::uint32_t>(ino)) == nullptr) continue;
    set_bit(bitmap, index);
    --facts.free_inodes;
    facts.unused_inodes = inodes_per_group_ - index - 1;
  }
  facts.inode_bitmap_written = true;
  facts.inode_bitmap_checksum = crc32c(state_.seed, std::span(bitmap).first(inodes_per_group_ / 8));
  for (std::uint32_t index = 0; index < inodes_per_group_ - facts.unused_inodes;
       index += records_in_chunk) {
    write_records(group, index);
  }
  state_.output.write(facts.inode_bitmap * block_size, bitmap);
}

void FirstCommit::write_inodes() {
  for (std::uint32_t group = 0; group < state_.geometry->groups(); ++group)
    write_inode_group(group);
}

void FirstCommit::write_block_bitmaps() {
  const Geometry& geometry = *state_.geometry;
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
    facts.block_bitmap_checksum = crc32c(state_.seed, bitmap);
    state_.output.write(facts.block_bitmap * block_size, bitmap);
  }
}

void FirstCommit::write_descriptors_and_superblocks() {
  const Geometry& geometry = *state_.geometry;
  SuperblockFacts facts;
  facts.inodes_per_group = inodes_per_group_;
  descriptors_.resize(std::size_t{geometry.descriptor_blocks()} * block_size);
  for (std::uint32_t group = 0; group < geometry.groups(); ++group) {
    facts.free_blocks += groups_[group].free_blocks;
    facts.free_inodes += groups_[group].free_inodes;
    store_descriptor(
        std::span(descriptors_).subspan(std::size_t{group} * descriptor_size, descriptor_size),
        groups_[group], group, state_.seed);
  }
  if (journal_) {
    facts.journal_block = journal_->block;
    facts.journal_size = journal_->size;
  }
  state_.output.write(block_size, descriptors_);
  state_.output.flush();
  check();
  flush_device();
  check();
  superblock_ = make_superblock(state_.options, geometry, facts);
  write_superblocks();
}

/// The copies first, and the one that makes the image valid at the very end.
void FirstCommit::write_superblocks() {
  std::array<std::byte, block_size> block{};
  for (std::uint32_t group = 1; group < state_.geometry->groups(); ++group) {
    if (!Geometry::has_superblock(group)) continue;
    check();
    address_superblock(superblock_, group);
    std::memcpy(block.data(), superblock_.data(), superblock_.size());
    const std::uint64_t start = Geometry::first_block(group) * block_size;
    state_.output.write(start, block);
    state_.output.write(start + block_size, descriptors_);
  }
  flush_device();
  check();
  address_superblock(superblock_, 0);
  block.fill(std::byte{0});
  std::memcpy(&block[superblock_offset], superblock_.data(), superblock_.size());
  try {
    state_.device.write_at(0, block);
    flush_device();
  } catch (...) {
    try {
      state_.device.discard(0, block_size);
    } catch (...) {
      // The device fails anyway; the first error says more.
    }
    throw;
  }
}

/// From here on the image is one as it could have been opened.
void FirstCommit::settle() {
  Image image;
  image.superblock = superblock_;
  image.volume = decode_superblock(superblock_, state_.device.size());
  image.descriptors = std::move(descriptors_);
  state_.settle(std::move(image));
}

}  // namespace vmkit::ext4
