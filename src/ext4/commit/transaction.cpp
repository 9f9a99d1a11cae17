// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/transaction.hpp"

#include <cstring>

#include "ext4/commit/temporary_journal.hpp"
#include "ext4/format/features.hpp"
#include "ext4/read/block_source.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/read/group.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

using SuperblockCopy = std::array<std::byte, superblock_size>;

SuperblockCopy needing_recovery(SuperblockCopy superblock) {
  const auto features = load_le<std::uint32_t>(&superblock[0x60]);
  store_le(&superblock[0x60], features | incompat::needs_recovery);
  address_superblock(superblock, 0);
  return superblock;
}

}  // namespace

Transaction::Transaction(State& state, const Image& after, Overwrites& overwrites)
    : state_(state), after_(after), overwrites_(overwrites) {
  state.device.read_at(0, first_block_);
}

void Transaction::flush() {
  state_.output.flush();
  state_.device.flush();
}

/// The block of the inode table in which the journal gets another place; 0: it does not.
std::uint64_t Transaction::moved_journal_table() {
  constexpr std::size_t map_at = 40;
  constexpr std::size_t map_size = 60;
  Image& before = *state_.image;
  const std::uint32_t index = before.volume.journal_ino - 1;
  const GroupDescriptor group =
      decode_descriptor(before.volume, index / before.volume.inodes_per_group,
                        before.descriptor(index / before.volume.inodes_per_group));
  const std::uint32_t in_group = index % before.volume.inodes_per_group;
  const std::uint64_t number = group.inode_table + in_group / inodes_per_block;
  const auto found = overwrites_.find(number);
  if (found == overwrites_.end()) return 0;
  const std::size_t at = std::size_t{in_group % inodes_per_block} * inode_size + map_at;
  std::array<std::byte, map_size> map;
  state_.device.read_at(number * block_size + at, map);
  return std::memcmp(map.data(), &(*found->second)[at], map_size) != 0 ? number : 0;
}

void Transaction::write_blocks(const Overwrites& blocks) {
  for (const auto& [number, block] : blocks) state_.output.write(number * block_size, *block);
}

void Transaction::write_superblock(const SuperblockCopy& superblock) {
  std::memcpy(&first_block_[superblock_offset], superblock.data(), superblock.size());
  state_.output.write(0, first_block_);
}

void Transaction::write_in_place() {
  write_blocks(overwrites_);
  write_superblock(after_.superblock);
  state_.output.flush();
}

void Transaction::write_through_journal(const std::function<void()>& check) {
  if (after_.volume.has_compat(compat::has_journal)) {
    use_own_journal(check);
  } else {
    use_temporary_journal(check);
  }
}

JournalPlace Transaction::own_journal() {
  const Volume& volume = state_.image->volume;
  BlockSource source(state_.device, volume);
  std::array<std::byte, largest_block> record;
  const InodeRecord inode = read_inode(source, volume.journal_ino, record);
  JournalPlace place;
  walk_file(source, inode, 0, [&](const MappedBlocks& mapped) {
    if (mapped.logical != place.blocks || mapped.unwritten) return false;
    place.append(mapped.physical, mapped.length);
    return true;
  });
  if (place.blocks == 0) throw_corrupt({volume.journal_ino, 0}, "the journal has no blocks");
  return place;
}

/// The superblock first says that there may be something in the log, which is empty; then the
/// journal's superblock says that there is: that is when it happens.
void Transaction::use_own_journal(const std::function<void()>& check) {
  const JournalPlace place = own_journal();
  const std::uint64_t head_at = place.physical(0) * block_size;
  std::array<std::byte, 1024> idle;
  state_.device.read_at(head_at, idle);
  const JournalHead head = decode_journal_head(idle);
  if (head.start != 0 || head.first >= place.blocks) {
    throw_corrupt({after_.volume.journal_ino, place.physical(0)}, "the journal is not empty");
  }
  Block& first = *(overwrites_[0] = std::make_unique<Block>(first_block_));
  const SuperblockCopy during = needing_recovery(after_.superblock);
  std::memcpy(&first[superblock_offset], during.data(), during.size());
  LoggedBlocks logged;
  for (const auto& [number, block] : overwrites_) logged.emplace_back(number, block.get());
  const std::uint64_t length = write_log(state_.output, place, head, logged);
  flush();
  check();
  write_superblock(needing_recovery(state_.image->superblock));
  flush();
  check();
  std::array<std::byte, 1024> started = idle;
  start_journal(started);
  state_.device.write_at(head_at, started);
  flush();

  // An inode of the journal that names another place comes last: from then on nobody looks here.
  const std::uint64_t table = moved_journal_table();
  auto moved = table != 0 ? overwrites_.extract(table) : Overwrites::node_type();
  write_blocks(overwrites_);
  flush();
  if (!moved.empty()) {
    state_.output.write(moved.key() * block_size, *moved.mapped());
    flush();
  }
  state_.device.write_at(head_at, idle);
  flush();
  write_superblock(after_.superblock);
  flush();
  for (std::uint64_t i = 0; i < length; ++i) {
    const std::uint64_t start = place.physical(head.first + i);
    std::uint64_t run = 1;
    while (i + run < length && place.physical(head.first + i + run) == start + run) ++run;
    state_.device.discard(start * block_size, run * block_size);
    i += run - 1;
  }
}

/// One write of the superblock makes the journal part of the image, another one takes it out.
void Transaction::use_temporary_journal(const std::function<void()>& check) {
  TemporaryJournal journal(state_, after_, overwrites_);
  journal.write(overwrites_);
  flush();
  check();
  write_superblock(journal.superblock());
  flush();

  for (const auto& [number, block] : overwrites_) {
    const bool names_journal = number == journal.table_block();
    state_.output.write(number * block_size, names_journal ? journal.table_with_journal() : *block);
  }
  flush();
  write_superblock(after_.superblock);
  flush();
  state_.output.write(journal.table_block() * block_size, *overwrites_.at(journal.table_block()));
  flush();
  journal.discard();
}

}  // namespace vmkit::ext4
