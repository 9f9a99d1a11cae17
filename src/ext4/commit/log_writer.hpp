// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "ext4/commit/device_writer.hpp"
#include "ext4/commit/overwrites.hpp"
#include "ext4/format/extents.hpp"
#include "ext4/format/journal_log.hpp"

namespace vmkit::ext4 {

/// The blocks of a journal: where those from 0 on stand, without a hole.
struct JournalPlace {
  std::vector<Extent> extents;
  std::uint64_t blocks = 0;

  void append(std::uint64_t physical, std::uint64_t length);
  std::uint64_t physical(std::uint64_t logical) const;
};

/// Blocks for a log, and where in the image they belong.
using LoggedBlocks = std::vector<std::pair<std::uint64_t, const Block*>>;

/// Writes one transaction into the log of an empty journal, and behind it a block that ends the log
/// whatever stood there. The journal's own superblock is left alone. Throws resource_exhausted,
/// before it has written anything, if the journal is too small. Returns how many blocks from
/// head.first on it has written.
std::uint64_t write_log(DeviceWriter& output, const JournalPlace& place, const JournalHead& head,
                        const LoggedBlocks& blocks);

}  // namespace vmkit::ext4
