// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "ext4/commit/commit.hpp"
#include "ext4/format/bitmap.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/directory_blocks.hpp"
#include "ext4/format/journal.hpp"

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t records_in_chunk = 1024;

}  // namespace

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
    check();
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
    write_records(group, index);
  }
  state_.output.write(facts.inode_bitmap * block_size, bitmap);
}

void Commit::write_inodes() {
  for (std::uint32_t group = 0; group < state_.geometry.groups(); ++group) write_inode_group(group);
}

}  // namespace vmkit::ext4
