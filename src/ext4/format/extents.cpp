// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/extents.hpp"

#include <algorithm>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t entry_size = 12;  // also of the header
constexpr std::uint32_t entries_in_root = 4;
constexpr std::uint32_t entries_in_block = (block_size - entry_size) / entry_size;
constexpr std::size_t tail_offset = entry_size + entries_in_block * entry_size;

/// One entry of any level: an extent (length not 0) or a pointer to the block below.
struct Entry {
  std::uint32_t logical;
  std::uint32_t physical;
  std::uint16_t length;
};

void store_node(std::span<std::byte> node, std::span<const Entry> entries, std::uint16_t capacity,
                std::uint16_t depth) {
  store_le(&node[0], extent_magic);
  store_le(&node[2], static_cast<std::uint16_t>(entries.size()));
  store_le(&node[4], capacity);
  store_le(&node[6], depth);
  std::byte* at = &node[entry_size];
  for (const Entry& entry : entries) {
    store_le(at, entry.logical);
    if (depth == 0) {
      store_le(at + 4, entry.length);
      store_le(at + 8, entry.physical);
    } else {
      store_le(at + 4, entry.physical);
    }
    at += entry_size;
  }
}

std::uint32_t longest(bool unwritten) {
  return max_extent_length - (unwritten ? 1 : 0);
}

std::vector<Entry> split_for_disk(std::span<const Extent> extents) {
  std::vector<Entry> entries;
  for (Extent extent : extents) {
    while (extent.length > 0) {
      const std::uint32_t part = std::min(extent.length, longest(extent.unwritten));
      const std::uint32_t mark = extent.unwritten ? max_extent_length : 0;
      entries.push_back({extent.logical, extent.physical, static_cast<std::uint16_t>(part + mark)});
      extent.logical += part;
      extent.physical += part;
      extent.length -= part;
    }
  }
  return entries;
}

}  // namespace

std::uint64_t disk_extents(std::uint64_t length, bool unwritten) {
  return ceil_div(length, longest(unwritten));
}

std::uint64_t disk_extents(std::span<const Extent> extents) {
  std::uint64_t sum = 0;
  for (const Extent& extent : extents) sum += disk_extents(extent.length, extent.unwritten);
  return sum;
}

std::uint64_t extent_index_blocks(std::uint64_t extents) {
  std::uint64_t blocks = 0;
  while (extents > entries_in_root) {
    extents = (extents + entries_in_block - 1) / entries_in_block;
    blocks += extents;
  }
  return blocks;
}

ExtentTree build_extent_tree(
    std::span<const Extent> extents, std::uint32_t seed,
    const std::function<std::uint64_t()>& allocate,
    const std::function<void(std::uint64_t block, std::span<const std::byte> data)>& write) {
  ExtentTree tree;
  std::vector<Entry> level = split_for_disk(extents);
  std::uint16_t depth = 0;
  for (; level.size() > entries_in_root; ++depth) {
    std::vector<Entry> above;
    const std::span<const Entry> entries = level;
    for (std::size_t first = 0; first < entries.size(); first += entries_in_block) {
      const auto part =
          entries.subspan(first, std::min<std::size_t>(entries_in_block, entries.size() - first));
      std::array<std::byte, block_size> block{};
      store_node(block, part, entries_in_block, depth);
      store_le(&block[tail_offset], crc32c(seed, std::span(block).first(tail_offset)));
      const std::uint64_t place = allocate();
      write(place, block);
      above.push_back({part.front().logical, static_cast<std::uint32_t>(place), 0});
      ++tree.index_blocks;
    }
    level = std::move(above);
  }
  store_node(tree.root, level, entries_in_root, depth);
  return tree;
}

}  // namespace vmkit::ext4
