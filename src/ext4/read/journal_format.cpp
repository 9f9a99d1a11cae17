// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/journal_format.hpp"

#include <array>
#include <string>

#include "ext4/format/crc32c.hpp"
#include "ext4/read/corrupt.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t log_magic = 0xc03b3998;
constexpr std::size_t log_checksum_at = 0xfc;
constexpr std::size_t commit_checksum_at = 16;

namespace log_incompat {
constexpr std::uint32_t revoke = 0x1;
constexpr std::uint32_t has_64bit = 0x2;
constexpr std::uint32_t async_commit = 0x4;
constexpr std::uint32_t csum_v2 = 0x8;
constexpr std::uint32_t csum_v3 = 0x10;
constexpr std::uint32_t fast_commit = 0x20;
}  // namespace log_incompat

/// The checksum of `block` whose own four bytes at `at` count as zeros.
std::uint32_t checksum_around(std::uint32_t seed, std::span<const std::byte> block,
                              std::size_t at) {
  constexpr std::array<std::byte, 4> nothing{};
  return crc32c(crc32c(crc32c(seed, block.first(at)), nothing), block.subspan(at + 4));
}

void check_log_features(std::uint32_t features) {
  constexpr std::uint32_t known = log_incompat::revoke | log_incompat::has_64bit |
                                  log_incompat::csum_v2 | log_incompat::csum_v3 |
                                  log_incompat::fast_commit;
  if ((features & log_incompat::async_commit) != 0) {
    throw Error(Errc::unsupported, "ext4 journal with asynchronous commits");
  }
  if ((features & ~known) != 0) {
    throw Error(Errc::unsupported,
                "ext4 journal with unknown features " + std::to_string(features & ~known));
  }
}

}  // namespace

JournalSuperblock decode_journal_superblock(
    const Volume& volume, std::uint64_t block,
    std::span<const std::byte, journal_superblock_size> bytes) {
  constexpr std::uint32_t version_1 = 3;
  constexpr std::uint32_t version_2 = 4;
  constexpr std::uint32_t usual_fast_commit_blocks = 256;
  const Place place{volume.journal_ino, block};
  const auto get = [&](std::size_t at) { return load_be<std::uint32_t>(&bytes[at]); };
  const std::uint32_t version = get(4);
  if (get(0) != log_magic || (version != version_1 && version != version_2)) {
    throw_corrupt(place, "no journal where it should be");
  }
  if (get(0x0c) != volume.block_size) {
    throw_corrupt(place, "journal with blocks of " + std::to_string(get(0x0c)) +
                             " bytes, expected " + std::to_string(volume.block_size));
  }
  JournalSuperblock log;
  const std::uint32_t features = version == version_2 ? get(0x28) : 0;
  check_log_features(features);
  log.wide = (features & log_incompat::has_64bit) != 0;
  log.checksum_v3 = (features & log_incompat::csum_v3) != 0;
  log.checksum_v2 = (features & log_incompat::csum_v2) != 0 && !log.checksum_v3;
  if (log.checksums()) {
    const std::uint32_t expected = checksum_around(~std::uint32_t{0}, bytes, log_checksum_at);
    if (expected != get(log_checksum_at)) {
      throw_checksum(place, "the journal's superblock", expected, get(log_checksum_at));
    }
    log.checksum_seed = crc32c(~std::uint32_t{0}, bytes.subspan(0x30, 16));
  }
  if (log.checksum_v3) {
    log.tag_size = 16;
  } else {
    log.tag_size = 8 + (log.wide ? 4 : 0) + (log.checksum_v2 ? 2 : 0);
  }
  log.end = get(0x10);
  log.first = get(0x14);
  log.sequence = get(0x18);
  log.start = get(0x1c);
  if ((features & log_incompat::fast_commit) != 0) {
    log.fast_commit_blocks = get(0x54) != 0 ? get(0x54) : usual_fast_commit_blocks;
    if (log.fast_commit_blocks >= log.end) throw_corrupt(place, "journal: too many fast commits");
    log.end -= log.fast_commit_blocks;
  }
  if (log.first == 0 || log.first >= log.end ||
      (log.start != 0 && (log.start < log.first || log.start >= log.end))) {
    throw_corrupt(place, "journal: its log is said to start at block " + std::to_string(log.start) +
                             " of " + std::to_string(log.first) + " to " + std::to_string(log.end));
  }
  return log;
}

void empty_journal_superblock(std::span<std::byte, journal_superblock_size> bytes,
                              std::uint32_t sequence) {
  store_be(&bytes[0x18], sequence);
  store_be(&bytes[0x1c], std::uint32_t{0});
  const bool version_2 = load_be<std::uint32_t>(&bytes[4]) == 4;
  const auto features = load_be<std::uint32_t>(&bytes[0x28]);
  if (version_2 && (features & (log_incompat::csum_v2 | log_incompat::csum_v3)) != 0) {
    store_be(&bytes[log_checksum_at], checksum_around(~std::uint32_t{0}, bytes, log_checksum_at));
  }
}

JournalBlockHeader decode_journal_header(std::span<const std::byte> block) {
  JournalBlockHeader header;
  header.valid = load_be<std::uint32_t>(&block[0]) == log_magic;
  header.kind = static_cast<JournalBlockKind>(load_be<std::uint32_t>(&block[4]));
  header.sequence = load_be<std::uint32_t>(&block[8]);
  return header;
}

std::size_t journal_tail_size(const JournalSuperblock& log) {
  return log.checksums() ? 4 : 0;
}

bool check_journal_tail(const JournalSuperblock& log, std::span<const std::byte> block) {
  if (!log.checksums()) return true;
  const std::size_t at = block.size() - journal_tail_size(log);
  return checksum_around(log.checksum_seed, block, at) == load_be<std::uint32_t>(&block[at]);
}

bool check_journal_commit(const JournalSuperblock& log, std::span<const std::byte> block) {
  if (!log.checksums()) return true;
  return checksum_around(log.checksum_seed, block, commit_checksum_at) ==
         load_be<std::uint32_t>(&block[commit_checksum_at]);
}

JournalTag decode_journal_tag(const JournalSuperblock& log, std::span<const std::byte> bytes) {
  constexpr std::uint32_t flag_escape = 1;
  constexpr std::uint32_t flag_same_uuid = 2;
  constexpr std::uint32_t flag_last = 8;
  JournalTag tag;
  tag.block = load_be<std::uint32_t>(&bytes[0]);
  if (log.wide) tag.block |= std::uint64_t{load_be<std::uint32_t>(&bytes[8])} << 32;
  std::uint32_t flags = 0;
  if (log.checksum_v3) {
    flags = load_be<std::uint32_t>(&bytes[4]);
    tag.checksum = load_be<std::uint32_t>(&bytes[12]);
  } else {
    tag.checksum = load_be<std::uint16_t>(&bytes[4]);
    flags = load_be<std::uint16_t>(&bytes[6]);
  }
  tag.escaped = (flags & flag_escape) != 0;
  tag.same_uuid = (flags & flag_same_uuid) != 0;
  tag.last = (flags & flag_last) != 0;
  return tag;
}

std::uint32_t journal_data_checksum(const JournalSuperblock& log, std::uint32_t sequence,
                                    std::span<const std::byte> block) {
  std::array<std::byte, 4> number;
  store_be(number.data(), sequence);
  const std::uint32_t crc = crc32c(crc32c(log.checksum_seed, number), block);
  return log.checksum_v3 ? crc : crc & 0xffff;
}

bool fast_commit_of(std::span<const std::byte> block, std::uint32_t sequence) {
  constexpr std::uint16_t head_tag = 9;
  return load_le<std::uint16_t>(&block[0]) == head_tag &&
         load_le<std::uint32_t>(&block[8]) == sequence;
}

}  // namespace vmkit::ext4
