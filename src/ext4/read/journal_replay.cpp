// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>

#include "ext4/read/journal_format.hpp"
#include "ext4/read/journal_log.hpp"
#include "ext4/read/open_image.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t escaped_magic = 0xc03b3998;

[[noreturn]] void read_only() {
  throw Error(Errc::internal, "an ext4 image that is only read was to be changed");
}

/// Puts the part of `found` that lies within the range into `buffer`.
void read_replayed(BlockDevice& device, std::uint32_t size, const ReplayedBlock& found,
                   std::uint64_t offset, std::span<std::byte> buffer) {
  const std::uint64_t block_begin = found.block * size;
  const std::uint64_t begin = std::max(offset, block_begin);
  const std::uint64_t end = std::min(offset + buffer.size(), block_begin + size);
  const auto part = buffer.subspan(begin - offset, end - begin);
  device.read_at(found.source * size + (begin - block_begin), part);
  if (!found.escaped) return;
  std::array<std::byte, 4> magic;
  store_be(magic.data(), escaped_magic);
  for (std::uint64_t at = begin - block_begin; at < std::min<std::uint64_t>(end - block_begin, 4);
       ++at) {
    part[at - (begin - block_begin)] = magic[at];
  }
}

}  // namespace

ReplayedDevice::ReplayedDevice(BlockDevice& device, std::uint32_t size_of_block,
                               std::vector<ReplayedBlock> blocks)
    : device_(device), block_size_(size_of_block), blocks_(std::move(blocks)) {}

void ReplayedDevice::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
  device_.read_at(offset, buffer);
  const auto first = std::lower_bound(
      blocks_.begin(), blocks_.end(), offset / block_size_,
      [](const ReplayedBlock& found, std::uint64_t block) { return found.block < block; });
  for (auto at = first; at != blocks_.end() && at->block * block_size_ < offset + buffer.size();
       ++at) {
    read_replayed(device_, block_size_, *at, offset, buffer);
  }
}

void ReplayedDevice::write_at(std::uint64_t, std::span<const std::byte>) {
  read_only();
}
void ReplayedDevice::discard(std::uint64_t, std::uint64_t) {
  read_only();
}
void ReplayedDevice::resize(ByteSize) {
  read_only();
}
void ReplayedDevice::flush() {
  read_only();
}

bool recover_journal(BlockDevice& device) {
  std::array<std::byte, superblock_size> superblock;
  {
    const Volume volume = read_volume(device);
    if (!volume.has_incompat(incompat::needs_recovery)) return false;
    BlockSource source(device, volume);
    const JournalContent journal = read_journal(source);
    ReplayedDevice replayed(device, volume.block_size, journal.blocks);
    std::array<std::byte, largest_block> buffer;
    const auto block = std::span(buffer).first(volume.block_size);
    // Each block is read from the journal, which replaying does not touch.
    for (const ReplayedBlock& found : journal.blocks) {
      replayed.read_at(found.block * volume.block_size, block);
      device.write_at(found.block * volume.block_size, block);
    }
    device.flush();
    const auto log = std::span(buffer).first<journal_superblock_size>();
    device.read_at(journal.superblock * volume.block_size, log);
    empty_journal_superblock(log, journal.next_sequence + 1);
    device.write_at(journal.superblock * volume.block_size, log);
    device.flush();
  }
  device.read_at(superblock_offset, superblock);
  const auto features = load_le<std::uint32_t>(&superblock[0x60]);
  store_le(&superblock[0x60], features & ~incompat::needs_recovery);
  if (read_volume(device).checksums()) address_superblock(superblock, 0);
  device.write_at(superblock_offset, superblock);
  device.flush();
  return true;
}

}  // namespace vmkit::ext4
