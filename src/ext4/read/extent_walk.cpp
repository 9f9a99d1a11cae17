// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/extents.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/file_map.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t node_entry_size = 12;  // also of the header
constexpr std::uint16_t deepest_tree = 5;
constexpr std::uint64_t logical_end = std::uint64_t{1} << 32;

class ExtentWalk {
 public:
  ExtentWalk(BlockSource& source, const InodeRecord& inode, std::uint32_t first,
             const MappedVisitor& visit, const MapBlockVisitor& visit_map)
      : source_(source), inode_(inode), first_(first), visit_(visit), visit_map_(visit_map) {}

  void run() {
    const std::uint16_t depth = load_le<std::uint16_t>(&inode_.block[6]);
    if (depth > deepest_tree) {
      corrupt(0, "an extent tree of depth " + std::to_string(depth) + ", at most 5 is possible");
    }
    node(inode_.block, 0, depth, 0, logical_end);
  }

 private:
  [[noreturn]] void corrupt(std::uint64_t block, const std::string& what) const {
    throw_corrupt({inode_.ino, block}, what);
  }

  /// One node of the tree, which stands in `block` (0: in the inode) and maps logical blocks from
  /// `begin` up to `end` only. False: the visitor has enough.
  bool node(std::span<const std::byte> bytes, std::uint64_t block, std::uint16_t depth,
            std::uint64_t begin, std::uint64_t end) {
    const std::size_t count = check_header(bytes, block, depth);
    for (std::size_t i = 0; i < count; ++i) {
      const std::byte* entry = &bytes[node_entry_size * (1 + i)];
      const std::uint64_t logical = load_le<std::uint32_t>(entry);
      if (logical < begin || logical >= end) {
        corrupt(block, "extent tree: entry for block " + std::to_string(logical) +
                           " of the file, expected one of " + std::to_string(begin) + " to " +
                           std::to_string(end - 1));
      }
      if (depth == 0) {
        begin = extent(entry, block, end);
        if (enough_) return false;
        continue;
      }
      begin = logical + 1;
      std::uint64_t next = end;
      if (i + 1 < count) {
        next = load_le<std::uint32_t>(entry + node_entry_size);
        if (next <= logical || next > end) corrupt(block, "extent tree: entries out of order");
      }
      if (next > first_ && !child(entry, block, depth, logical, next)) return false;
    }
    return true;
  }

  std::size_t check_header(std::span<const std::byte> bytes, std::uint64_t block,
                           std::uint16_t depth) {
    if (load_le<std::uint16_t>(&bytes[0]) != extent_magic) {
      corrupt(block, "no extent tree where one should be");
    }
    const std::size_t count = load_le<std::uint16_t>(&bytes[2]);
    const std::size_t capacity = load_le<std::uint16_t>(&bytes[4]);
    const std::uint16_t found_depth = load_le<std::uint16_t>(&bytes[6]);
    if (capacity > bytes.size() / node_entry_size - 1 || count > capacity) {
      corrupt(block, "extent tree: " + std::to_string(count) + " entries in a node for " +
                         std::to_string(capacity));
    }
    if (found_depth != depth) {
      corrupt(block, "extent tree: a node of level " + std::to_string(found_depth) +
                         ", expected level " + std::to_string(depth));
    }
    if (count == 0 && depth > 0) corrupt(block, "extent tree: an empty index");
    if (block != 0 && source_.volume().checksums()) {
      const std::size_t tail = node_entry_size * (1 + capacity);
      if (tail + 4 > bytes.size()) corrupt(block, "extent tree: no room for the checksum");
      const std::uint32_t expected = crc32c(inode_.checksum_seed, bytes.first(tail));
      const auto found = load_le<std::uint32_t>(&bytes[tail]);
      if (expected != found) {
        throw_checksum({inode_.ino, block}, "the extent tree", expected, found);
      }
    }
    return count;
  }

  bool child(const std::byte* entry, std::uint64_t block, std::uint16_t depth, std::uint64_t begin,
             std::uint64_t end) {
    const std::uint64_t place =
        load_le<std::uint32_t>(entry + 4) | std::uint64_t{load_le<std::uint16_t>(entry + 8)} << 32;
    if (!source_.volume().holds(place, 1)) {
      corrupt(block, "extent tree: a node at block " + std::to_string(place) +
                         ", which is not within the image");
    }
    std::array<std::byte, largest_block> buffer;
    const auto bytes = std::span(buffer).first(source_.volume().block_size);
    source_.read(place, bytes);
    if (visit_map_) visit_map_(place);
    return node(bytes, place, static_cast<std::uint16_t>(depth - 1), begin, end);
  }

  /// Returns the logical block behind the extent.
  std::uint64_t extent(const std::byte* entry, std::uint64_t block, std::uint64_t end) {
    MappedBlocks blocks;
    blocks.logical = load_le<std::uint32_t>(entry);
    blocks.length = load_le<std::uint16_t>(entry + 4);
    blocks.unwritten = blocks.length > max_extent_length;
    if (blocks.unwritten) blocks.length -= max_extent_length;
    blocks.physical =
        load_le<std::uint32_t>(entry + 8) | std::uint64_t{load_le<std::uint16_t>(entry + 6)} << 32;
    const std::uint64_t behind = std::uint64_t{blocks.logical} + blocks.length;
    if (blocks.length == 0 || behind > end) {
      corrupt(block, "extent tree: an extent of " + std::to_string(blocks.length) +
                         " blocks from block " + std::to_string(blocks.logical) + " of the file");
    }
    if (!source_.volume().holds(blocks.physical, blocks.length)) {
      corrupt(block, "extent tree: " + std::to_string(blocks.length) + " blocks from " +
                         std::to_string(blocks.physical) + " on are not within the image");
    }
    if (behind > first_) enough_ = !visit_(blocks);
    return behind;
  }

  BlockSource& source_;
  const InodeRecord& inode_;
  const std::uint64_t first_;
  const MappedVisitor& visit_;
  const MapBlockVisitor& visit_map_;
  bool enough_ = false;
};

}  // namespace

void walk_extents(BlockSource& source, const InodeRecord& inode, std::uint32_t first,
                  const MappedVisitor& visit, const MapBlockVisitor& visit_map) {
  ExtentWalk(source, inode, first, visit, visit_map).run();
}

}  // namespace vmkit::ext4
