// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/log_writer.hpp"

#include <algorithm>
#include <span>
#include <string>

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {

void JournalPlace::append(std::uint64_t physical, std::uint64_t length) {
  extents.push_back({static_cast<std::uint32_t>(blocks), static_cast<std::uint32_t>(physical),
                     static_cast<std::uint32_t>(length)});
  blocks += length;
}

std::uint64_t JournalPlace::physical(std::uint64_t logical) const {
  const auto after = std::upper_bound(
      extents.begin(), extents.end(), logical,
      [](std::uint64_t wanted, const Extent& extent) { return wanted < extent.logical; });
  const Extent& extent = *std::prev(after);
  return extent.physical + (logical - extent.logical);
}

std::uint64_t write_log(DeviceWriter& output, const JournalPlace& place, const JournalHead& head,
                        const LoggedBlocks& blocks) {
  const std::uint64_t length = JournalLog::length(blocks.size()) + 1;
  const std::uint64_t room = std::min<std::uint64_t>(head.blocks, place.blocks) - head.first;
  if (length > room) {
    throw Error(Errc::resource_exhausted,
                "commit of an ext4 image: its changes need a journal of " +
                    std::to_string(length * block_size / 1024) + " KiB, but there is one of " +
                    std::to_string(room * block_size / 1024) + " KiB; commit fewer at a time");
  }
  const JournalLog log(head.uuid, head.sequence);
  std::uint64_t at = head.first;
  const auto write = [&](const Block& block) {
    output.write(place.physical(at++) * block_size, block);
  };
  std::vector<JournalLog::Tag> tags;
  for (std::size_t first = 0; first < blocks.size(); first += JournalLog::blocks_in_descriptor) {
    const auto part = std::span(blocks).subspan(
        first, std::min<std::size_t>(JournalLog::blocks_in_descriptor, blocks.size() - first));
    tags.clear();
    for (const auto& [number, block] : part) {
      Block copy = *block;
      const bool escaped = JournalLog::escape(copy);
      tags.push_back({number, log.block_checksum(copy), escaped});
    }
    write(log.descriptor(tags));
    for (const auto& [number, block] : part) {
      Block copy = *block;
      JournalLog::escape(copy);
      write(copy);
    }
  }
  write(log.commit());
  write(Block{});
  return length;
}

}  // namespace vmkit::ext4
