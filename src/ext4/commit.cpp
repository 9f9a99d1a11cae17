// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "ext4/crc32c.hpp"
#include "ext4/directory_blocks.hpp"
#include "ext4/inode_record.hpp"
#include "ext4/journal.hpp"
#include "ext4/state.hpp"
#include "ext4/superblock.hpp"

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t records_in_chunk = 1024;

void set_bit(std::span<std::byte> bitmap, std::uint64_t bit) {
  bitmap[bit / 8] |= std::byte{1} << (bit % 8);
}

void clear_bits(std::span<std::byte> bitmap, std::uint64_t first, std::uint64_t end) {
  for (; first < end && first % 8 != 0; ++first)
    bitmap[first / 8] &= ~(std::byte{1} << (first % 8));
  if (first < end) std::memset(&bitmap[first / 8], 0, (end - first) / 8);
  for (first = std::max(first, end / 8 * 8); first < end; ++first) {
    bitmap[first / 8] &= ~(std::byte{1} << (first % 8));
  }
}

/// One run of commit(): places what the tree promised and writes it, the superblock last.
class Commit {
 public:
  Commit(State& state, const CallOptions& options)
      : state_(state),
        options_(options),
        meter_(options.progress, "commit", "", ProgressUnit::entries, state.nodes.count()),
        seed_(file_system_checksum_seed(state.options.uuid)),
        groups_(state.geometry.groups()) {}

  void run() {
    discard_stale();
    place_group_metadata();
    write_inodes();
    write_block_bitmaps();
    write_descriptors_and_superblocks();
    meter_.flush();
  }

 private:
  void check() const { options_.check("commit of an ext4 image"); }

  void discard_stale();
  void place_group_metadata();

  void write_inodes();
  void write_inode_group(std::uint32_t group);
  void write_records(std::uint32_t group, std::uint32_t first_index);
  void fill_record(std::span<std::byte> record, std::uint32_t ino, const Node& node);

  InodePlacement place(std::uint32_t ino, const Node& node);
  InodePlacement place_directory(std::uint32_t ino, const Directory& directory);
  InodePlacement place_symlink(const Symlink& symlink, std::uint32_t inode_seed);
  InodePlacement place_extents(std::span<const Extent> extents, std::uint32_t inode_seed);
  std::vector<Extent> allocate_extents(std::uint64_t blocks);
  std::uint64_t allocate_block();

  void write_block_bitmaps();
  void write_descriptors_and_superblocks();
  void write_superblocks(std::array<std::byte, superblock_size> superblock,
                         std::span<const std::byte> descriptors);

  State& state_;
  const CallOptions& options_;
  ProgressMeter meter_;
  std::uint32_t seed_;
  std::vector<GroupFacts> groups_;
  std::uint32_t inodes_per_group_ = 0;
  std::uint64_t goal_ = 0;  ///< Where the last block was found.
  std::vector<std::byte> records_;
  std::optional<InodePlacement> journal_;
};

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

std::uint64_t Commit::allocate_block() {
  const BlockRange block = state_.space.allocate_promised(1, goal_);
  goal_ = block.end();
  return block.start;
}

std::vector<Extent> Commit::allocate_extents(std::uint64_t blocks) {
  std::vector<Extent> extents;
  std::uint64_t logical = 0;
  while (logical < blocks) {
    const BlockRange run = state_.space.allocate_promised(blocks - logical, goal_);
    extents.push_back({static_cast<std::uint32_t>(logical), static_cast<std::uint32_t>(run.start),
                       static_cast<std::uint32_t>(run.length)});
    logical += run.length;
    goal_ = run.end();
  }
  return extents;
}

InodePlacement Commit::place_extents(std::span<const Extent> extents, std::uint32_t inode_seed) {
  const ExtentTree tree = build_extent_tree(
      extents, inode_seed, [&] { return allocate_block(); },
      [&](std::uint64_t block, std::span<const std::byte> data) {
        state_.output.write(block * block_size, data);
      });
  InodePlacement placement;
  placement.block = tree.root;
  placement.flags = inode_flag_extents;
  placement.blocks = tree.index_blocks;
  for (const Extent& extent : extents) placement.blocks += extent.length;
  return placement;
}

InodePlacement Commit::place_directory(std::uint32_t ino, const Directory& directory) {
  const std::uint32_t inode_seed = inode_checksum_seed(seed_, ino);
  const DirectoryBlocks blocks(directory.names, directory.record_bytes, htree_seed(state_.options));
  const std::uint32_t spare = blocks.indexed() ? 0 : directory.spare_blocks;
  const std::uint64_t count = std::uint64_t{blocks.count()} + spare;
  const std::vector<Extent> extents = allocate_extents(count);
  auto extent = extents.begin();
  std::uint32_t used = 0;
  const auto sink = [&](std::span<const std::byte> block) {
    if (used == extent->length) {
      ++extent;
      used = 0;
    }
    state_.output.write((std::uint64_t{extent->physical} + used) * block_size, block);
    ++used;
  };
  blocks.write(
      {ino, directory.parent, inode_seed},
      [&](std::uint32_t child) { return state_.nodes[child].type; }, sink);
  for (std::uint32_t i = 0; i < spare; ++i) sink(DirectoryBlocks::empty_block(inode_seed));
  InodePlacement placement = place_extents(extents, inode_seed);
  placement.size = count * block_size;
  if (blocks.indexed()) placement.flags |= inode_flag_index;
  return placement;
}

InodePlacement Commit::place_symlink(const Symlink& symlink, std::uint32_t inode_seed) {
  InodePlacement placement;
  if (symlink.fast()) {
    std::memcpy(placement.block.data(), symlink.target.data(), symlink.target.size());
  } else {
    std::array<std::byte, block_size> block{};
    std::memcpy(block.data(), symlink.target.data(), symlink.target.size());
    const std::vector<Extent> extents = allocate_extents(1);
    state_.output.write(std::uint64_t{extents.front().physical} * block_size, block);
    placement = place_extents(extents, inode_seed);
  }
  placement.size = symlink.target.size();
  return placement;
}

InodePlacement Commit::place(std::uint32_t ino, const Node& node) {
  const std::uint32_t inode_seed = inode_checksum_seed(seed_, ino);
  InodePlacement placement;
  if (const auto* file = std::get_if<RegularFile>(&node.content)) {
    placement = place_extents(file->extents, inode_seed);
    placement.size = file->size;
  } else if (const auto* directory = std::get_if<std::unique_ptr<Directory>>(&node.content)) {
    placement = place_directory(ino, **directory);
  } else if (const auto* symlink = std::get_if<Symlink>(&node.content)) {
    placement = place_symlink(*symlink, inode_seed);
  } else if (const auto* device = std::get_if<DeviceNumber>(&node.content)) {
    placement.block = device_block(*device);
  }
  if (node.xattrs && node.xattrs->has_block()) {
    placement.xattr_block = allocate_block();
    ++placement.blocks;
    std::array<std::byte, block_size> block{};
    node.xattrs->store_in_block(block, placement.xattr_block, seed_);
    state_.output.write(placement.xattr_block * block_size, block);
  }
  return placement;
}

void Commit::fill_record(std::span<std::byte> record, std::uint32_t ino, const Node& node) {
  const InodePlacement placement = place(ino, node);
  if (ino == journal_ino) {
    journal_ = placement;
    const auto& file = std::get<RegularFile>(node.content);
    state_.output.write(std::uint64_t{file.extents.front().physical} * block_size,
                        make_journal_superblock(static_cast<std::uint32_t>(file.size / block_size),
                                                state_.options.uuid));
  }
  store_inode(record, node, placement, encode_time(state_.options.created),
              inode_checksum_seed(seed_, ino));
}

/// Writes the used ones of the records from `first_index` on: whole blocks, what is between them
/// as zeros.
void Commit::write_records(std::uint32_t group, std::uint32_t first_index) {
  const std::uint32_t end_index = std::min(first_index + records_in_chunk, inodes_per_group_);
  records_.assign(std::size_t{end_index - first_index} * inode_size, std::byte{0});
  std::uint32_t first_used = end_index;
  std::uint32_t end_used = first_index;
  for (std::uint32_t index = first_index; index < end_index; ++index) {
    const std::uint64_t ino = std::uint64_t{group} * inodes_per_group_ + index + 1;
    if (ino > state_.nodes.last()) break;
    const Node* node = state_.nodes.find(static_cast<std::uint32_t>(ino));
    if (node == nullptr) continue;
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

void Commit::write_inode_group(std::uint32_t group) {
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
  facts.inode_bitmap_checksum = crc32c(seed_, std::span(bitmap).first(inodes_per_group_ / 8));
  for (std::uint32_t index = 0; index < inodes_per_group_ - facts.unused_inodes;
       index += records_in_chunk) {
    check();
    write_records(group, index);
  }
  state_.output.write(facts.inode_bitmap * block_size, bitmap);
}

void Commit::write_inodes() {
  for (std::uint32_t group = 0; group < state_.geometry.groups(); ++group) write_inode_group(group);
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

}  // namespace

void write_metadata(State& state, const CallOptions& options) {
  Commit(state, options).run();
}

}  // namespace vmkit::ext4
