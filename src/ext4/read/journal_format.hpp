// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ext4/read/volume.hpp"

/// The structures of a JBD2 journal, all of them big-endian but for fast commits.
namespace vmkit::ext4 {

inline constexpr std::size_t journal_superblock_size = 1024;
inline constexpr std::size_t journal_header_size = 12;

struct JournalSuperblock {
  std::uint64_t first = 0;               ///< Block of the journal where the log begins.
  std::uint64_t end = 0;                 ///< Behind the log's last.
  std::uint64_t start = 0;               ///< Of the oldest transaction; 0: there is none.
  std::uint32_t sequence = 0;            ///< Of that transaction.
  std::uint32_t fast_commit_blocks = 0;  ///< Behind the log; 0 without that feature.
  std::uint32_t checksum_seed = 0;
  std::size_t tag_size = 0;  ///< Without a UUID.
  bool wide = false;         ///< Block numbers have 64 bits.
  bool checksum_v2 = false;
  bool checksum_v3 = false;

  bool checksums() const { return checksum_v2 || checksum_v3; }
};

/// Throws data_corruption or unsupported. `block`: where it stands.
JournalSuperblock decode_journal_superblock(
    const Volume& volume, std::uint64_t block,
    std::span<const std::byte, journal_superblock_size> bytes);

/// Makes `bytes`, a valid journal superblock, that of an empty log whose next transaction is
/// `sequence`.
void empty_journal_superblock(std::span<std::byte, journal_superblock_size> bytes,
                              std::uint32_t sequence);

enum class JournalBlockKind : std::uint32_t { descriptor = 1, commit = 2, revocation = 5 };

struct JournalBlockHeader {
  bool valid = false;  ///< The magic number is there.
  JournalBlockKind kind{};
  std::uint32_t sequence = 0;
};
JournalBlockHeader decode_journal_header(std::span<const std::byte> block);

/// Bytes at the end of descriptors and revocations that hold their checksum.
std::size_t journal_tail_size(const JournalSuperblock& log);
/// Whether descriptor, revocation or commit block is what was written.
bool check_journal_tail(const JournalSuperblock& log, std::span<const std::byte> block);
bool check_journal_commit(const JournalSuperblock& log, std::span<const std::byte> block);

struct JournalTag {
  std::uint64_t block = 0;
  std::uint32_t checksum = 0;
  bool escaped = false;
  bool same_uuid = false;
  bool last = false;
};
/// The tag at the front of `bytes`.
JournalTag decode_journal_tag(const JournalSuperblock& log, std::span<const std::byte> bytes);

/// Of a block of data as it stands in the log, as its tag records it.
std::uint32_t journal_data_checksum(const JournalSuperblock& log, std::uint32_t sequence,
                                    std::span<const std::byte> block);

/// Whether `block`, the first for fast commits, has one that belongs behind the log's last
/// transaction.
bool fast_commit_of(std::span<const std::byte> block, std::uint32_t sequence);

}  // namespace vmkit::ext4
