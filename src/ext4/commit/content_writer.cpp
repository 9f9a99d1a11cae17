// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/content_writer.hpp"

#include <array>
#include <cstring>

#include "ext4/format/directory_blocks.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
std::uint64_t ContentWriter::allocate_block() {
  const BlockRange block = state_.space.allocate_promised(1, goal_);
  goal_ = block.end();
  return block.start;
}

std::vector<Extent> ContentWriter::allocate_extents(std::uint64_t blocks) {
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

InodePlacement ContentWriter::place_extents(std::span<const Extent> extents,
                                            std::uint32_t inode_seed) {
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

InodePlacement ContentWriter::place_directory(std::uint32_t ino, Directory& directory,
                                              std::uint32_t inode_seed) {
  const DirectoryBlocks blocks(directory.names, directory.record_bytes, state_.hasher);
  if (blocks.indexed()) directory.spare_blocks = 0;
  const std::uint32_t spare = directory.spare_blocks;
  const std::uint64_t count = std::uint64_t{blocks.count()} + spare;
  const std::vector<Extent> extents = allocate_extents(count);
  auto extent = extents.begin();
  std::uint32_t used = 0;
  const auto sink = [&](std::span<const std::byte> block) {
    check_();
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

InodePlacement ContentWriter::place_symlink(const Symlink& symlink, std::uint32_t inode_seed) {
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

InodePlacement ContentWriter::place(std::uint32_t ino, Node& node, std::uint32_t inode_seed) {
  if (const auto* file = std::get_if<RegularFile>(&node.content)) {
    InodePlacement placement = place_extents(file->extents, inode_seed);
    placement.size = file->size;
    return placement;
  }
  if (const auto* directory = std::get_if<std::unique_ptr<Directory>>(&node.content)) {
    return place_directory(ino, **directory, inode_seed);
  }
  if (const auto* symlink = std::get_if<Symlink>(&node.content)) {
    return place_symlink(*symlink, inode_seed);
  }
  InodePlacement placement;
  if (const auto* device = std::get_if<DeviceNumber>(&node.content)) {
    placement.block = device_block(*device);
  }
  return placement;
}

void ContentWriter::place_xattrs(const Node& node, InodePlacement& placement) {
  if (!node.xattrs || !node.xattrs->has_block()) return;
  placement.xattr_block = allocate_block();
  ++placement.blocks;
  std::array<std::byte, block_size> block{};
  node.xattrs->store_in_block(block, placement.xattr_block, state_.seed);
  state_.output.write(placement.xattr_block * block_size, block);
}

void store_journal_copy(std::span<std::byte, superblock_size> superblock,
                        const InodePlacement& journal) {
  superblock[0xfd] = std::byte{1};  // as make_superblock() does
  std::memcpy(&superblock[0x10c], journal.block.data(), journal.block.size());
  store_le(&superblock[0x10c + 60], static_cast<std::uint32_t>(journal.size >> 32));
  store_le(&superblock[0x10c + 64], static_cast<std::uint32_t>(journal.size));
}

}  // namespace vmkit::ext4
