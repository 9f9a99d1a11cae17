// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ext4/format/format.hpp"

namespace vmkit::ext4 {

/// One transaction in a JBD2 log, with 64-bit block numbers and checksums of version 3.
///
/// The log has descriptor blocks, each followed by the blocks that it names, and one commit block.
/// A block that begins like a block of the log itself is escaped.
class JournalLog {
 public:
  /// How many of the blocks that it names one descriptor block has room for.
  static constexpr std::uint32_t blocks_in_descriptor = 254;

  /// `uuid`: of the journal.
  JournalLog(const std::array<std::byte, 16>& uuid, std::uint32_t sequence);

  /// The blocks that a transaction of `blocks` takes, the commit block included.
  static std::uint64_t length(std::uint64_t blocks);

  /// Escapes `block` if that must be; says whether it was.
  static bool escape(std::span<std::byte, block_size> block);

  struct Tag {
    std::uint64_t number;    ///< Where in the image the block belongs.
    std::uint32_t checksum;  ///< block_checksum() of it as it stands in the log.
    bool escaped;
  };
  std::uint32_t block_checksum(std::span<const std::byte, block_size> block) const;
  /// 1 to blocks_in_descriptor tags.
  std::array<std::byte, block_size> descriptor(std::span<const Tag> tags) const;
  std::array<std::byte, block_size> commit() const;

 private:
  std::array<std::byte, 16> uuid_;
  std::uint32_t sequence_;
  std::uint32_t seed_;
};

/// What a journal's first block says that matters to one who adds a transaction.
struct JournalHead {
  std::uint32_t blocks = 0;    ///< Of the journal, this one included.
  std::uint32_t first = 0;     ///< Where the log begins.
  std::uint32_t sequence = 0;  ///< Of the next transaction.
  std::uint32_t start = 0;     ///< 0: the log is empty.
  std::array<std::byte, 16> uuid = {};
};

/// `block`: the first 1024 bytes of the journal. Throws data_corruption unless it is one.
JournalHead decode_journal_head(std::span<const std::byte, 1024> block);

/// Makes `block` say that the log has a transaction as JournalLog writes it, from its first block
/// on.
void start_journal(std::span<std::byte, 1024> block);

}  // namespace vmkit::ext4
