// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/space.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "ext4/format/format.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t max_table_blocks = max_inodes_per_group / inodes_per_block;

}  // namespace

Space::Space(const Geometry& geometry)
    : geometry_(&geometry),
      size_(geometry.size()),
      blocks_(geometry.blocks()),
      table_blocks_(geometry.default_table_blocks()) {
  free_.insert({0, geometry.blocks()});
  for (std::uint32_t group = 0; group < geometry.groups(); ++group) {
    free_.erase({Geometry::first_block(group), geometry.base_blocks(group)});
  }
  auto tail = geometry.tail_for_tables(table_blocks_);
  while (!tail && table_blocks_ > 1) tail = geometry.tail_for_tables(--table_blocks_);
  limit_ = tail.value_or(0);
  free_below_ = free_.count({0, limit_});
  promise(std::uint64_t{2} * geometry.groups(), "bitmaps");
}

Space::Space(ByteSize size, std::uint64_t blocks, BlockRanges free, std::uint64_t inodes)
    : geometry_(nullptr),
      size_(size),
      blocks_(blocks),
      inodes_(inodes),
      free_(std::move(free)),
      limit_(blocks),
      free_below_(free_.count({0, blocks})) {}

void Space::throw_full(std::string_view what) const {
  throw Error(Errc::resource_exhausted, "ext4 image of " + to_string(size_) +
                                            " is full: no room for " + std::string(what) +
                                            "; give it a larger size");
}

void Space::promise(std::uint64_t blocks, std::string_view what) {
  if (free_below_ < promised_ + blocks) throw_full(what);
  promised_ += blocks;
}

BlockRange Space::find(std::uint64_t from, std::uint64_t limit) const {
  for (;;) {
    BlockRange found = free_.next(from);
    if (found.length == 0 || found.start >= limit) return {};
    const BlockRange barred = kept_out_.next(found.start);
    if (barred.length == 0) return found;
    if (barred.start > found.start) {
      found.length = std::min(found.length, barred.start - found.start);
      return found;
    }
    from = barred.end();
  }
}

std::uint64_t Space::count_free() const {
  std::uint64_t count = free_.count({0, limit_});
  for (const auto& [start, length] : kept_out_.map()) count -= free_.count({start, length});
  return count;
}

BlockRange Space::take(std::uint64_t wanted, std::uint64_t goal, std::uint64_t limit) {
  BlockRange found = find(goal, limit);
  if (found.length == 0 || found.start != goal) {
    found = find(cursor_, limit);
    if (found.length == 0) found = find(0, limit);
    if (found.length == 0) return {};
  }
  found.length = std::min({found.length, wanted, limit - found.start});
  free_.erase(found);
  stale_.erase(found);
  if (geometry_ == nullptr) fresh_.insert(found);
  cursor_ = found.end();
  return found;
}

BlockRange Space::allocate(std::uint64_t wanted, std::uint64_t goal, std::string_view what) {
  if (free_below_ <= promised_) throw_full(what);
  const BlockRange taken = take(std::min(wanted, free_below_ - promised_), goal, limit_);
  free_below_ -= taken.length;
  return taken;
}

void Space::release(BlockRange range) {
  const auto free_now = [&](BlockRange part) {
    free_.insert(part);
    stale_.insert(part);
    if (part.start < limit_) free_below_ += std::min(part.end(), limit_) - part.start;
  };
  if (geometry_ != nullptr) return free_now(range);
  std::uint64_t at = range.start;
  while (at < range.end()) {
    BlockRange part = fresh_.next(at);
    if (part.length == 0 || part.start >= range.end()) part = {range.end(), 0};
    if (part.start > at) held_.insert({at, part.start - at});
    part.length = std::min(part.length, range.end() - part.start);
    if (part.length > 0) {
      fresh_.erase(part);
      free_now(part);
    }
    at = part.end();
  }
}

void Space::admit_inode(std::uint64_t ino) {
  if (geometry_ == nullptr) {
    if (ino > inodes_) throw_full("inode " + std::to_string(ino));
    return;
  }
  const std::uint64_t per_block = std::uint64_t{geometry_->groups()} * inodes_per_block;
  const auto needed = static_cast<std::uint32_t>((ino + per_block - 1) / per_block);
  if (needed <= table_blocks_) return;
  const auto tail = needed <= max_table_blocks ? geometry_->tail_for_tables(needed) : std::nullopt;
  if (!tail) throw_full("inode " + std::to_string(ino));
  std::uint64_t fixed = 0;
  const auto first_group = static_cast<std::uint32_t>(*tail / blocks_per_group);
  for (std::uint32_t group = first_group; group < geometry_->groups(); ++group) {
    const std::uint64_t start = Geometry::first_block(group);
    if (start < limit_ && start >= *tail) fixed += geometry_->base_blocks(group);
  }
  const std::uint64_t wanted = limit_ - *tail;
  if (free_.count({*tail, wanted}) + fixed != wanted ||
      free_below_ < promised_ + (wanted - fixed)) {
    throw_full("inode " + std::to_string(ino));
  }
  free_below_ -= wanted - fixed;
  limit_ = *tail;
  table_blocks_ = needed;
}

BlockRanges Space::begin_commit() {
  if (geometry_ != nullptr) limit_ = blocks_;
  return std::exchange(stale_, {});
}

BlockRanges Space::end_commit(std::uint64_t inodes) {
  geometry_ = nullptr;
  inodes_ = inodes;
  for (const auto& [start, length] : held_.map()) free_.insert({start, length});
  fresh_ = {};
  cursor_ = 0;
  promised_ = 0;
  free_below_ = count_free();
  return std::exchange(held_, {});
}

std::optional<BlockRange> Space::allocate_run(std::uint64_t blocks) {
  if (available() < blocks) return std::nullopt;
  BlockRange run = find(0, limit_);
  while (run.length > 0 && run.length < blocks) run = find(run.end(), limit_);
  if (run.length == 0) return std::nullopt;
  run.length = blocks;
  reserve(run);
  return run;
}

void Space::keep_out(BlockRanges zones) {
  kept_out_ = std::move(zones);
  free_below_ = count_free();
  if (free_below_ < promised_) throw_full("what is to be moved");
}

void Space::exclude(BlockRange range) {
  free_below_ -= free_.count(range);
  free_.erase(range);
}

void Space::reserve(BlockRange range) {
  free_below_ -= free_.count(range);
  free_.erase(range);
  stale_.erase(range);
  fresh_.insert(range);
}

void Space::set_size(ByteSize size, std::uint64_t blocks) {
  if (blocks > blocks_) free_.insert({blocks_, blocks - blocks_});
  if (blocks < blocks_) {
    free_.erase({blocks, blocks_ - blocks});
    held_.erase({blocks, blocks_ - blocks});
  }
  size_ = size;
  blocks_ = blocks;
  limit_ = blocks;
  kept_out_ = {};
  free_below_ = count_free();
}

BlockRange Space::allocate_promised(std::uint64_t wanted, std::uint64_t goal) {
  const BlockRange taken = take(wanted, goal, limit_);
  if (taken.length == 0) throw Error(Errc::internal, "ext4: metadata needs more than its estimate");
  promised_ -= std::min(promised_, taken.length);
  free_below_ -= std::min(free_below_, taken.length);
  return taken;
}

std::uint64_t Space::runs_of(std::uint32_t blocks) const {
  std::uint64_t runs = 0;
  for (const auto& [start, length] : free_.map()) runs += length / blocks;
  return runs;
}

std::vector<BlockRange> Space::place_tables(std::uint64_t inodes) {
  const std::uint64_t per_block = std::uint64_t{geometry_->groups()} * inodes_per_block;
  const std::uint64_t free = free_.count({0, geometry_->blocks()}) - promised_;
  // What is free may become files of the usual size, if larger tables still find a place.
  const std::uint64_t wanted = inodes + free * block_size / geometry_->bytes_per_inode();
  const auto generous = static_cast<std::uint32_t>(
      std::min<std::uint64_t>((wanted + per_block - 1) / per_block, max_table_blocks));
  if (generous > table_blocks_ && runs_of(generous) >= geometry_->groups() &&
      free >= std::uint64_t{generous} * geometry_->groups()) {
    table_blocks_ = generous;
  }
  std::vector<BlockRange> tables;
  tables.reserve(geometry_->groups());
  std::uint64_t from = cursor_;
  bool wrapped = false;
  while (tables.size() < geometry_->groups()) {
    const BlockRange run = free_.next(from);
    if (run.length == 0) {
      if (wrapped) throw Error(Errc::internal, "ext4: inode tables do not fit");
      wrapped = true;
      from = 0;
      continue;
    }
    std::uint64_t fit = run.length / table_blocks_;
    fit = std::min<std::uint64_t>(fit, geometry_->groups() - tables.size());
    for (std::uint64_t i = 0; i < fit; ++i) {
      tables.push_back({run.start + i * table_blocks_, table_blocks_});
    }
    free_.erase({run.start, fit * table_blocks_});
    from = run.end();
  }
  return tables;
}

}  // namespace vmkit::ext4
