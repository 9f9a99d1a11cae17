// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/journal_log.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>

#include "ext4/format/crc32c.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/read/journal_format.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

/// The blocks of the journal's file.
class JournalFile {
 public:
  explicit JournalFile(BlockSource& source) : source_(source) {
    const std::uint32_t ino = source.volume().journal_ino;
    if (ino == 0 || ino > source.volume().inodes) {
      throw Error(Errc::unsupported, "ext4 image whose journal is not in the image");
    }
    std::array<std::byte, largest_block> record;
    const InodeRecord inode = read_inode(source, ino, record);
    walk_file(source, inode, 0, [&](const MappedBlocks& piece) {
      if (piece.unwritten || piece.logical != blocks_) return false;
      pieces_.push_back(piece);
      blocks_ += piece.length;
      return true;
    });
    by_place_ = pieces_;
    std::sort(by_place_.begin(), by_place_.end(),
              [](const auto& a, const auto& b) { return a.physical < b.physical; });
  }

  /// Without a hole from the beginning on.
  std::uint64_t blocks() const { return blocks_; }

  std::uint64_t place(std::uint64_t logical) const {
    const auto behind = std::upper_bound(
        pieces_.begin(), pieces_.end(), logical,
        [](std::uint64_t value, const MappedBlocks& piece) { return value < piece.logical; });
    if (behind == pieces_.begin() || logical >= blocks_) {
      throw_corrupt({source_.volume().journal_ino, 0},
                    "block " + std::to_string(logical) + " of the journal is missing");
    }
    const MappedBlocks& piece = *std::prev(behind);
    return piece.physical + (logical - piece.logical);
  }

  bool contains(std::uint64_t block) const {
    const auto behind = std::upper_bound(
        by_place_.begin(), by_place_.end(), block,
        [](std::uint64_t value, const MappedBlocks& piece) { return value < piece.physical; });
    return behind != by_place_.begin() &&
           block - std::prev(behind)->physical < std::prev(behind)->length;
  }

 private:
  BlockSource& source_;
  std::vector<MappedBlocks> pieces_;  // in logical order
  std::vector<MappedBlocks> by_place_;
  std::uint64_t blocks_ = 0;
};

class LogReader {
 public:
  explicit LogReader(BlockSource& source) : source_(source), file_(source) {}

  JournalContent read() {
    read_superblock();
    if (log_.start != 0) {
      scan();
      check_fast_commits();
      check_data();
    }
    JournalContent content;
    content.superblock = file_.place(0);
    content.next_sequence = sequence_;
    content.blocks.reserve(latest_.size());
    for (const auto& [block, found] : latest_) {
      content.blocks.push_back({block, found.source, found.escaped});
    }
    std::sort(content.blocks.begin(), content.blocks.end(),
              [](const auto& a, const auto& b) { return a.block < b.block; });
    return content;
  }

 private:
  /// A block of the log that a transaction holds.
  struct Found {
    std::uint64_t block = 0;
    std::uint64_t source = 0;
    std::uint32_t sequence = 0;
    std::uint32_t checksum = 0;
    bool escaped = false;
  };

  [[noreturn]] void corrupt(std::uint64_t block, const std::string& what) const {
    throw_corrupt({source_.volume().journal_ino, block}, "journal: " + what);
  }

  std::span<std::byte> buffer() { return std::span(buffer_).first(source_.volume().block_size); }

  void read_superblock() {
    const std::uint64_t place = file_.place(0);
    source_.device().read_at(place * source_.volume().block_size, buffer());
    log_ = decode_journal_superblock(source_.volume(), place,
                                     std::span(buffer_).first<journal_superblock_size>());
    if (log_.end > file_.blocks()) {
      corrupt(place,
              std::to_string(log_.end) + " blocks in a file of " + std::to_string(file_.blocks()));
    }
    sequence_ = log_.sequence;
  }

  /// Where the next block of the log stands; none after a whole round: what would follow has been
  /// seen before and cannot belong to the same transaction.
  std::optional<std::uint64_t> next_block() {
    if (consumed_++ >= log_.end - log_.first) return std::nullopt;
    const std::uint64_t place = file_.place(position_);
    position_ = position_ + 1 == log_.end ? log_.first : position_ + 1;
    return place;
  }

  void scan() {
    position_ = log_.start;
    std::vector<Found> blocks;
    std::vector<std::uint64_t> revoked;
    std::optional<std::uint64_t> damaged;  // a block of this transaction with a wrong checksum
    while (const auto place = next_block()) {
      source_.device().read_at(*place * source_.volume().block_size, buffer());
      const JournalBlockHeader header = decode_journal_header(buffer());
      if (!header.valid || header.sequence != sequence_) return;
      switch (header.kind) {
        case JournalBlockKind::descriptor:
          if (!check_journal_tail(log_, buffer())) damaged = place;
          if (!add_tags(*place, blocks)) return;
          break;
        case JournalBlockKind::revocation:
          if (!check_journal_tail(log_, buffer())) damaged = place;
          add_revoked(*place, revoked);
          break;
        case JournalBlockKind::commit:
          if (!check_journal_commit(log_, buffer())) return;  // it was being written
          if (damaged) corrupt(*damaged, "checksum of a committed transaction");
          apply(blocks, revoked);
          blocks.clear();
          revoked.clear();
          ++sequence_;
          break;
        default:
          return;
      }
    }
  }

  /// False: the log ends before the blocks that the descriptor in the buffer tells of.
  bool add_tags(std::uint64_t place, std::vector<Found>& blocks) {
    const std::size_t end = buffer().size() - journal_tail_size(log_);
    std::size_t at = journal_header_size;
    for (bool last = false; !last && at + log_.tag_size <= end;) {
      const JournalTag tag = decode_journal_tag(log_, buffer().subspan(at));
      at += log_.tag_size + (tag.same_uuid ? 0 : 16);
      last = tag.last;
      const auto data = next_block();
      if (!data) return false;
      if (tag.block >= source_.volume().blocks || file_.contains(tag.block)) {
        outside_ = place;
      }
      blocks.push_back({tag.block, *data, sequence_, tag.checksum, tag.escaped});
    }
    return true;
  }

  void add_revoked(std::uint64_t place, std::vector<std::uint64_t>& revoked) {
    const std::size_t size = log_.wide ? 8 : 4;
    const std::size_t used = load_be<std::uint32_t>(&buffer_[journal_header_size]);
    if (used > buffer().size() - journal_tail_size(log_) || used < journal_header_size + 4) {
      outside_ = place;
      return;
    }
    for (std::size_t at = journal_header_size + 4; at + size <= used; at += size) {
      revoked.push_back(log_.wide ? load_be<std::uint64_t>(&buffer_[at])
                                  : load_be<std::uint32_t>(&buffer_[at]));
    }
  }

  /// The transaction is committed: what it says counts.
  void apply(const std::vector<Found>& blocks, const std::vector<std::uint64_t>& revoked) {
    if (outside_) corrupt(*outside_, "a committed transaction has blocks outside of the image");
    for (const Found& found : blocks) latest_[found.block] = found;
    for (const std::uint64_t block : revoked) latest_.erase(block);
  }

  void check_fast_commits() {
    if (log_.fast_commit_blocks == 0) return;
    const std::uint64_t place = file_.place(log_.end);
    source_.device().read_at(place * source_.volume().block_size, buffer());
    if (fast_commit_of(buffer(), sequence_)) {
      throw Error(Errc::unsupported,
                  "ext4 image with fast commits in its journal: let e2fsck or a mount replay it");
    }
  }

  void check_data() {
    if (!log_.checksums()) return;
    for (const auto& [block, found] : latest_) {
      source_.device().read_at(found.source * source_.volume().block_size, buffer());
      const std::uint32_t expected = journal_data_checksum(log_, found.sequence, buffer());
      if (expected != found.checksum) {
        throw_checksum({source_.volume().journal_ino, found.source}, "a block in the journal",
                       expected, found.checksum);
      }
    }
  }

  BlockSource& source_;
  JournalFile file_;
  JournalSuperblock log_;
  std::array<std::byte, largest_block> buffer_;
  std::uint64_t position_ = 0;
  std::uint64_t consumed_ = 0;
  std::uint32_t sequence_ = 0;
  std::optional<std::uint64_t> outside_;  // a block of this transaction that names impossible ones
  std::unordered_map<std::uint64_t, Found> latest_;
};

}  // namespace

JournalContent read_journal(BlockSource& source) {
  return LogReader(source).read();
}

}  // namespace vmkit::ext4
