// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/journal_log.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/format/crc32c.hpp"
#include "ext4/read/corrupt.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

using Block = std::array<std::byte, block_size>;

constexpr std::uint32_t log_block_magic = 0xc03b3998;
constexpr std::uint32_t log_type_descriptor = 1;
constexpr std::uint32_t log_type_commit = 2;
constexpr std::uint32_t type_superblock_v1 = 3;
constexpr std::uint32_t type_superblock_v2 = 4;
constexpr std::size_t log_header_size = 12;
constexpr std::size_t log_tag_size = 16;
constexpr std::size_t log_tail_at = block_size - 4;
constexpr std::size_t log_commit_checksum_at = 16;

constexpr std::uint32_t log_tag_escaped = 1;
constexpr std::uint32_t log_tag_same_uuid = 2;
constexpr std::uint32_t log_tag_last = 8;

void put_log_word(std::span<std::byte> block, std::size_t at, std::uint32_t value) {
  store_be(&block[at], value);
}

}  // namespace

JournalLog::JournalLog(const std::array<std::byte, 16>& uuid, std::uint32_t sequence)
    : uuid_(uuid), sequence_(sequence), seed_(crc32c(~std::uint32_t{0}, uuid)) {}

std::uint64_t JournalLog::length(std::uint64_t blocks) {
  return blocks + ceil_div(blocks, blocks_in_descriptor) + 1;
}

bool JournalLog::escape(std::span<std::byte, block_size> block) {
  if (load_be<std::uint32_t>(block.data()) != log_block_magic) return false;
  put_log_word(block, 0, 0);
  return true;
}

std::uint32_t JournalLog::block_checksum(std::span<const std::byte, block_size> block) const {
  std::array<std::byte, 4> sequence;
  store_be(sequence.data(), sequence_);
  return crc32c(crc32c(seed_, sequence), block);
}

Block JournalLog::descriptor(std::span<const Tag> tags) const {
  Block block{};
  put_log_word(block, 0, log_block_magic);
  put_log_word(block, 4, log_type_descriptor);
  put_log_word(block, 8, sequence_);
  std::size_t at = log_header_size;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const Tag& tag = tags[i];
    std::uint32_t flags = 0;
    if (tag.escaped) flags |= log_tag_escaped;
    if (i > 0) flags |= log_tag_same_uuid;
    if (i + 1 == tags.size()) flags |= log_tag_last;
    put_log_word(block, at, static_cast<std::uint32_t>(tag.number));
    put_log_word(block, at + 4, flags);
    put_log_word(block, at + 8, static_cast<std::uint32_t>(tag.number >> 32));
    put_log_word(block, at + 12, tag.checksum);
    at += log_tag_size;
    if (i == 0) {
      std::memcpy(&block[at], uuid_.data(), uuid_.size());
      at += uuid_.size();
    }
  }
  put_log_word(block, log_tail_at, crc32c(seed_, block));
  return block;
}

Block JournalLog::commit() const {
  Block block{};
  put_log_word(block, 0, log_block_magic);
  put_log_word(block, 4, log_type_commit);
  put_log_word(block, 8, sequence_);
  put_log_word(block, log_commit_checksum_at, crc32c(seed_, block));
  return block;
}

JournalHead decode_journal_head(std::span<const std::byte, 1024> block) {
  const auto get = [&](std::size_t at) { return load_be<std::uint32_t>(&block[at]); };
  const std::uint32_t type = get(4);
  if (get(0) != log_block_magic || (type != type_superblock_v1 && type != type_superblock_v2)) {
    throw_corrupt({}, "its journal does not begin with a superblock");
  }
  JournalHead head;
  head.blocks = get(0x10);
  head.first = get(0x14);
  head.sequence = get(0x18);
  head.start = get(0x1c);
  if (get(0x0c) != block_size || head.first == 0 || head.first >= head.blocks) {
    throw_corrupt({}, "the superblock of its journal has blocks of " + std::to_string(get(0x0c)) +
                          " bytes, " + std::to_string(head.blocks) + " of them, the first " +
                          std::to_string(head.first));
  }
  if (type == type_superblock_v2) std::memcpy(head.uuid.data(), &block[0x30], head.uuid.size());
  return head;
}

void start_journal(std::span<std::byte, 1024> block) {
  constexpr std::uint32_t incompat_64bit_and_csum_v3 = 0x2 | 0x10;
  constexpr std::size_t head_checksum_at = 0xfc;
  if (load_be<std::uint32_t>(&block[4]) == type_superblock_v1) {
    std::fill(block.begin() + 0x24, block.end(), std::byte{0});
    put_log_word(block, 4, type_superblock_v2);
    put_log_word(block, 0x40, 1);  // one user
  }
  put_log_word(block, 0x1c, load_be<std::uint32_t>(&block[0x14]));
  put_log_word(block, 0x24, 0);
  put_log_word(block, 0x28, incompat_64bit_and_csum_v3);
  block[0x50] = std::byte{4};  // checksums are CRC-32C
  put_log_word(block, head_checksum_at, 0);
  put_log_word(block, head_checksum_at, crc32c(~std::uint32_t{0}, block));
}

}  // namespace vmkit::ext4
