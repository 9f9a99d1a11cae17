// SPDX-License-Identifier: Apache-2.0
// A small image with a journal that the input describes. The first byte: 0x03 its checksums (none,
// version 2, version 3), 0x04 64-bit block numbers, 0x08 fast commits, 0x10 old superblock. The
// second: where the log starts. Then steps, one after another, each with its own arguments:
//     D n (block, flags)…   a descriptor, and a block of data for each tag
//     R n block…            a revocation
//     C                     a commit
//     S n                   the sequence number goes on by n
//     P where value         a byte of the log is changed afterwards; where: 2 bytes, times 8
// All have the checksums that they should have, unless P changes them.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"
#include "ext4/format/superblock.hpp"
#include "ext4/read/journal_log.hpp"
#include "ext4/read/open_image.hpp"
#include "fuzz/target.hpp"
#include "support/memory_block_device.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/ext4/reader.hpp>

namespace {

using namespace vmkit;
using fuzz::accepts;
using fuzz::require;
using test::MemoryBlockDevice;

constexpr std::size_t log_blocks = 24;
constexpr std::size_t size = ext4::block_size;
constexpr std::uint32_t magic = 0xc03b3998;

/// An image of 1 MiB in which a file of 24 blocks is the journal, and says that it is to be
/// replayed.
struct Base {
  std::vector<std::byte> image;
  std::uint64_t log = 0;  ///< Where the file begins; it is in one piece.

  Base() {
    MemoryBlockDevice device;
    ext4::FormatOptions options;
    options.size = ByteSize(1 << 20);
    options.hash_seed[0] = std::byte{1};
    auto fs = ext4::Filesystem::format(device, options);
    auto writer = fs.make_file(fs.root(), "journal", {.permissions = 0600});
    writer.write(std::vector<std::byte>(log_blocks * size, std::byte{1}));
    writer.finish();
    fs.make_directory(fs.root(), "folder", {.permissions = 0700});
    fs.commit();
    auto reader = ext4::Reader::open(device);
    reader.for_each_extent(writer.inode(), [&](const ext4::FileExtent& extent) {
      log = extent.physical;
      return false;
    });
    image = device.bytes();
    const auto superblock =
        std::span(image).subspan(ext4::superblock_offset).first<ext4::superblock_size>();
    store_le(&superblock[0x5c], load_le<std::uint32_t>(&superblock[0x5c]) | 0x4U);
    store_le(&superblock[0x60], load_le<std::uint32_t>(&superblock[0x60]) | 0x4U);
    store_le(&superblock[0xe0], static_cast<std::uint32_t>(writer.inode()));
    ext4::address_superblock(superblock, 0);
  }
};

/// Writes the journal of an input into an image.
class LogWriter {
 public:
  LogWriter(std::string_view input, std::span<std::byte> log) : input_(input), log_(log) {}

  void write() {
    mode_ = next();
    start_ = 1 + next() % (log_blocks - 1);
    at_ = start_;
    for (std::size_t& position = position_; position < input_.size();) {
      switch (next()) {
        case 'D':
          descriptor();
          break;
        case 'R':
          revocation();
          break;
        case 'C':
          commit();
          break;
        case 'S':
          sequence_ += next();
          break;
        case 'P':
          changes_.push_back({(next() | next() << 8U) * std::size_t{8}, next()});
          break;
        default:
          return finish();
      }
    }
    finish();
  }

 private:
  struct Change {
    std::size_t where;
    unsigned value;
  };

  unsigned next() {
    return position_ < input_.size() ? static_cast<unsigned char>(input_[position_++]) : 0;
  }
  bool v2() const { return (mode_ & 3) == 1; }
  bool v3() const { return (mode_ & 3) >= 2; }
  bool wide() const { return (mode_ & 4) != 0; }

  std::span<std::byte> take(std::uint32_t kind) {
    const auto block = log_.subspan(at_ * size, size);
    std::fill(block.begin(), block.end(), std::byte{});
    store_be(&block[0], magic);
    store_be(&block[4], kind);
    store_be(&block[8], sequence_);
    at_ = at_ + 1 == log_blocks ? 1 : at_ + 1;
    return block;
  }

  std::uint32_t seed() const {
    return ext4::crc32c(~std::uint32_t{0}, std::array<std::byte, 16>{});
  }

  void seal(std::span<std::byte> block, std::size_t at) const {
    if (v2() || v3()) store_be(&block[at], ext4::crc32c(seed(), block));
  }

  std::uint64_t block_number() {
    const unsigned number = next();
    return number == 255 ? 0x1'0000'0001 : number;
  }

  void descriptor() {
    const auto block = take(1);
    const std::size_t tag_size = v3() ? 16 : 8 + (wide() ? 4U : 0U) + (v2() ? 2U : 0U);
    std::size_t at = 12;
    for (unsigned count = 1 + next() % 16; count > 0; --count) {
      const std::uint64_t number = block_number();
      const unsigned told = next();
      const std::uint32_t flags = (told & 3) | (count == 1 ? 8U : 0U);
      const auto data = take(3);
      if ((flags & 1) != 0) std::fill_n(data.begin(), 4, std::byte{});
      if ((told & 4) != 0) std::fill(data.begin(), data.end(), static_cast<std::byte>(told));
      std::array<std::byte, 4> number_of_transaction;
      store_be(number_of_transaction.data(), sequence_);
      const std::uint32_t crc = ext4::crc32c(ext4::crc32c(seed(), number_of_transaction), data);
      store_be(&block[at], static_cast<std::uint32_t>(number));
      if (v3()) {
        store_be(&block[at + 4], flags);
        store_be(&block[at + 12], crc);
      } else {
        store_be(&block[at + 4], static_cast<std::uint16_t>(v2() ? crc : 0));
        store_be(&block[at + 6], static_cast<std::uint16_t>(flags));
      }
      if (wide()) store_be(&block[at + 8], static_cast<std::uint32_t>(number >> 32));
      at += tag_size + ((flags & 2) != 0 ? 0 : 16);
    }
    seal(block, size - 4);
  }

  void revocation() {
    const auto block = take(5);
    std::size_t at = 16;
    for (unsigned count = next() % 16; count > 0; --count) {
      const std::uint64_t number = block_number();
      if (wide()) {
        store_be(&block[at], number);
      } else {
        store_be(&block[at], static_cast<std::uint32_t>(number));
      }
      at += wide() ? 8 : 4;
    }
    store_be(&block[12], static_cast<std::uint32_t>(at));
    seal(block, size - 4);
  }

  void commit() {
    seal(take(2), 16);
    ++sequence_;
  }

  void finish() {
    const auto block = log_.first(size);
    std::fill(block.begin(), block.end(), std::byte{});
    const std::uint32_t features = 1 | (wide() ? 2U : 0U) | (v2() ? 8U : 0U) | (v3() ? 16U : 0U) |
                                   ((mode_ & 8) != 0 ? 32U : 0U);
    store_be(&block[0], magic);
    store_be(&block[4], std::uint32_t{(mode_ & 16) != 0 ? 3U : 4U});
    store_be(&block[12], static_cast<std::uint32_t>(size));
    store_be(&block[16], static_cast<std::uint32_t>(log_blocks));
    store_be(&block[20], std::uint32_t{1});
    store_be(&block[24], std::uint32_t{7});
    store_be(&block[28], static_cast<std::uint32_t>(start_));
    store_be(&block[40], features);
    store_be(&block[84], std::uint32_t{4});
    if (v2() || v3()) store_be(&block[0xfc], ext4::crc32c(~std::uint32_t{0}, block.first(1024)));
    for (const Change& change : changes_) {
      if (change.where < log_.size()) log_[change.where] = static_cast<std::byte>(change.value);
    }
  }

  std::string_view input_;
  std::span<std::byte> log_;
  std::size_t position_ = 0;
  unsigned mode_ = 0;
  std::size_t start_ = 1;
  std::size_t at_ = 1;
  std::uint32_t sequence_ = 7;
  std::vector<Change> changes_;
};

const fuzz::Target target("ext4_journal", [](std::string_view input) {
  static const Base base;
  MemoryBlockDevice device;
  device.resize(ByteSize(base.image.size()));
  std::vector<std::byte> image = base.image;
  LogWriter(input, std::span(image).subspan(base.log, log_blocks * size)).write();
  device.write_at(0, image);
  const std::uint64_t changes = device.changes();
  std::vector<std::byte> seen(image.size());
  const bool read = accepts({Errc::data_corruption, Errc::unsupported}, [&] {
    ext4::OpenImage opened(device, ext4::JournalPolicy::replay);
    require(opened.journal_replayed(), "the journal is replayed");
    opened.device().read_at(0, seen);
    std::vector<std::byte> part(5000);
    opened.device().read_at(1234, part);
    require(std::equal(part.begin(), part.end(), seen.begin() + 1234), "a part is as in the whole");
  });
  require(device.changes() == changes, "replaying into memory writes nothing");
  accepts({Errc::data_corruption, Errc::unsupported},
          [&] { ext4::Reader::open(device).lookup(ext4::Inode{2}, "folder"); });
  bool recovered = false;
  const bool done = accepts({Errc::data_corruption, Errc::unsupported},
                            [&] { recovered = ext4::recover_journal(device); });
  if (!read || !done) return;
  // The superblock and the journal's own are not the same afterwards.
  const auto same = [&](std::size_t begin, std::size_t end) {
    return std::equal(&seen[begin], &seen[begin] + (end - begin), &device.bytes()[begin]);
  };
  require(same(2048, base.log) && same(base.log + log_blocks * size, seen.size()),
          "both replays are the same");
  require(recovered, "there was something to replay");
  require(!ext4::recover_journal(device), "and now there is nothing");
});

}  // namespace
