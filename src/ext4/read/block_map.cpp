// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "ext4/format/format.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/file_map.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t direct_blocks = 12;
constexpr unsigned deepest_map = 3;

/// The map of ext2: twelve blocks, then one block of blocks, one of those, one of those. Only up to
/// the file's size: beyond is nothing of its own.
class BlockMapWalk {
 public:
  BlockMapWalk(BlockSource& source, const InodeRecord& inode, std::uint32_t first,
               const MappedVisitor& visit, const MapBlockVisitor& visit_map)
      : source_(source),
        inode_(inode),
        first_(first),
        end_(std::min(ceil_div(inode.size, source.volume().block_size), max_file_blocks)),
        visit_(visit),
        visit_map_(visit_map) {}

  void run() {
    std::uint64_t logical = 0;
    for (std::uint32_t i = 0; i < direct_blocks && !enough_; ++i) {
      entry(load_le<std::uint32_t>(&inode_.block[std::size_t{4} * i]), 0, 0, logical++);
    }
    std::uint64_t span = source_.volume().block_size / 4;
    for (unsigned level = 1; level <= deepest_map && !enough_; ++level) {
      const std::size_t at = 4 * std::size_t{direct_blocks + level - 1};
      entry(load_le<std::uint32_t>(&inode_.block[at]), 0, level, logical);
      logical += span;
      span *= source_.volume().block_size / 4;
    }
    flush();
  }

 private:
  /// What is mapped from `logical` on by one entry, which stands in `block` and is the top of
  /// `level` levels of blocks.
  void entry(std::uint64_t place, std::uint64_t block, unsigned level, std::uint64_t logical) {
    if (place == 0 || logical >= end_) return;
    if (!source_.volume().holds(place, 1)) {
      throw_corrupt({inode_.ino, block},
                    "block map: block " + std::to_string(place) + " is not within the image");
    }
    if (level == 0) {
      if (logical >= first_) add(place, static_cast<std::uint32_t>(logical));
      return;
    }
    const std::uint32_t in_block = source_.volume().block_size / 4;
    std::uint64_t span = 1;
    for (unsigned i = 1; i < level; ++i) span *= in_block;
    if (logical + span * in_block <= first_) return;
    // A map cannot have more blocks of its own than the image has.
    if (++map_blocks_ > source_.volume().blocks) {
      throw_corrupt({inode_.ino, block}, "block map: it goes round in a circle");
    }
    std::array<std::byte, largest_block> buffer;
    source_.read(place, std::span(buffer).first(source_.volume().block_size));
    if (visit_map_) visit_map_(place);
    for (std::uint32_t i = 0; i < in_block && !enough_; ++i) {
      entry(load_le<std::uint32_t>(&buffer[std::size_t{4} * i]), place, level - 1,
            logical + i * span);
    }
  }

  void add(std::uint64_t place, std::uint32_t logical) {
    if (run_ && run_->logical + run_->length == logical && run_->physical + run_->length == place) {
      ++run_->length;
      return;
    }
    flush();
    run_ = MappedBlocks{logical, place, 1, false};
  }

  void flush() {
    if (run_ && !enough_) enough_ = !visit_(*run_);
    run_.reset();
  }

  BlockSource& source_;
  const InodeRecord& inode_;
  const std::uint64_t first_;
  const std::uint64_t end_;
  const MappedVisitor& visit_;
  const MapBlockVisitor& visit_map_;
  std::optional<MappedBlocks> run_;
  std::uint64_t map_blocks_ = 0;
  bool enough_ = false;
};

}  // namespace

void walk_block_map(BlockSource& source, const InodeRecord& inode, std::uint32_t first,
                    const MappedVisitor& visit, const MapBlockVisitor& visit_map) {
  BlockMapWalk(source, inode, first, visit, visit_map).run();
}

}  // namespace vmkit::ext4
