// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/journal.hpp"

#include <cstring>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint64_t least_blocks = 1024;
constexpr std::uint64_t most_blocks = 10'240'000;

}  // namespace

std::uint32_t journal_blocks(ByteSize size, const Geometry& geometry) {
  const std::uint64_t blocks = size.bytes() / block_size;
  if (blocks < least_blocks || blocks > most_blocks || blocks > geometry.blocks() / 2) {
    throw Error(Errc::invalid_argument,
                "ext4 journal of " + to_string(size) + " in an image of " +
                    to_string(geometry.size()) +
                    ": expected at least 4 MiB, at most 40,000 MiB and half the image");
  }
  return static_cast<std::uint32_t>(blocks);
}

std::array<std::byte, 1024> make_journal_superblock(std::uint32_t blocks,
                                                    const std::array<std::byte, 16>& uuid) {
  constexpr std::uint32_t magic = 0xc03b3998;
  constexpr std::uint32_t superblock_v2 = 4;
  constexpr std::uint32_t incompat_64bit_and_csum_v3 = 0x2 | 0x10;
  constexpr std::size_t checksum_at = 0xfc;
  std::array<std::byte, 1024> block{};
  const auto put = [&](std::size_t at, std::uint32_t value) { store_be(&block[at], value); };
  put(0x00, magic);
  put(0x04, superblock_v2);
  put(0x0c, block_size);
  put(0x10, blocks);
  put(0x14, 1);  // the log begins behind this block
  put(0x18, 1);  // with transaction 1; 0x1c, where it starts, is 0: there is none
  put(0x28, incompat_64bit_and_csum_v3);
  std::memcpy(&block[0x30], uuid.data(), uuid.size());
  put(0x40, 1);                // one user
  block[0x50] = std::byte{4};  // checksums are CRC-32C
  put(checksum_at, crc32c(~std::uint32_t{0}, block));
  return block;
}

}  // namespace vmkit::ext4
