// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/directory.hpp"

#include <array>
#include <string>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/read/inline_data.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t entry_header = 8;
constexpr std::size_t checksum_tail = 12;
constexpr std::byte checksum_tail_type{0xde};
constexpr std::size_t index_entry = 8;

std::optional<FileType> type_of_code(std::byte code) {
  switch (static_cast<unsigned>(code) & 7) {
    case 1:
      return FileType::regular;
    case 2:
      return FileType::directory;
    case 3:
      return FileType::character_device;
    case 4:
      return FileType::block_device;
    case 5:
      return FileType::fifo;
    case 6:
      return FileType::socket;
    case 7:
      return FileType::symlink;
    default:
      return std::nullopt;
  }
}

/// A run of entries: a block or what stands in the inode.
class EntryRegion {
 public:
  EntryRegion(const Volume& volume, Place place, std::span<const std::byte> bytes)
      : volume_(volume), place_(place), bytes_(bytes) {}

  bool visit(const EntryVisitor& visit) const {
    for (std::size_t at = 0; at < bytes_.size();) {
      const std::size_t length = entry_length(at);
      const auto ino = load_le<std::uint32_t>(&bytes_[at]);
      if (ino != 0 && !visit(entry(at, ino))) return false;
      at += length;
    }
    return true;
  }

 private:
  [[noreturn]] void corrupt(std::size_t at, const std::string& what) const {
    throw_corrupt(place_, "folder entry at byte " + std::to_string(at) + ": " + what);
  }

  std::size_t entry_length(std::size_t at) const {
    const std::size_t left = bytes_.size() - at;
    if (left < entry_header) corrupt(at, "no room for an entry");
    const std::size_t length = load_le<std::uint16_t>(&bytes_[at + 4]);
    const std::size_t needed = dirent_size(static_cast<std::size_t>(bytes_[at + 6]));
    const bool used = load_le<std::uint32_t>(&bytes_[at]) != 0;
    if (length < (used ? needed : entry_header) || length % 4 != 0 || length > left) {
      corrupt(at, "a length of " + std::to_string(length) + ", expected a multiple of 4 from " +
                      std::to_string(needed) + " to " + std::to_string(left));
    }
    return length;
  }

  DirectoryEntry entry(std::size_t at, std::uint32_t ino) const {
    DirectoryEntry result;
    result.ino = ino;
    result.name = {reinterpret_cast<const char*>(&bytes_[at + entry_header]),
                   static_cast<std::size_t>(bytes_[at + 6])};
    if (ino > volume_.inodes) {
      corrupt(at, "inode " + std::to_string(ino) + " of " + std::to_string(volume_.inodes));
    }
    if (result.name.empty() || result.name.find('/') != std::string_view::npos ||
        result.name.find('\0') != std::string_view::npos) {
      corrupt(at, "a name that is empty or holds a slash or NUL");
    }
    if (volume_.has_incompat(incompat::filetype)) result.type = type_of_code(bytes_[at + 7]);
    return result;
  }

  const Volume& volume_;
  Place place_;
  std::span<const std::byte> bytes_;
};

/// Where limit and count of an index block stand; none: it holds entries.
std::optional<std::size_t> index_start(const InodeRecord& directory, std::uint32_t logical,
                                       std::span<const std::byte> block) {
  if (!directory.has(inode_flag_index)) return std::nullopt;
  if (logical == 0) return 24 + static_cast<std::size_t>(block[29]);
  const bool one_unused =
      load_le<std::uint32_t>(&block[0]) == 0 && load_le<std::uint16_t>(&block[4]) == block.size();
  if (one_unused) return entry_header;
  return std::nullopt;
}

void check_index(const InodeRecord& directory, const Place& place, std::size_t start,
                 std::span<const std::byte> block) {
  constexpr std::array<std::byte, 4> nothing{};
  const std::size_t limit = load_le<std::uint16_t>(&block[start]);
  const std::size_t count = load_le<std::uint16_t>(&block[start + 2]);
  const std::size_t tail = start + limit * index_entry;
  if (count == 0 || count > limit || tail + 8 > block.size()) {
    throw_corrupt(place, "index of the folder: " + std::to_string(count) + " entries of " +
                             std::to_string(limit));
  }
  std::uint32_t expected =
      crc32c(directory.checksum_seed, block.first(start + count * index_entry));
  expected = crc32c(crc32c(expected, block.subspan(tail, 4)), nothing);
  const auto found = load_le<std::uint32_t>(&block[tail + 4]);
  if (expected != found) throw_checksum(place, "the index of the folder", expected, found);
}

void check_leaf(const InodeRecord& directory, const Place& place,
                std::span<const std::byte> block) {
  const auto entries = block.first(block.size() - checksum_tail);
  const auto tail = block.last(checksum_tail);
  if (load_le<std::uint32_t>(&tail[0]) != 0 || load_le<std::uint16_t>(&tail[4]) != checksum_tail ||
      tail[7] != checksum_tail_type) {
    throw_corrupt(place, "a block of the folder has no checksum");
  }
  const std::uint32_t expected = crc32c(directory.checksum_seed, entries);
  const auto found = load_le<std::uint32_t>(&tail[8]);
  if (expected != found) throw_checksum(place, "a block of the folder", expected, found);
}

/// In the inode: the parent's number, entries; more of them in an attribute.
void walk_inline(BlockSource& source, const InodeRecord& directory, const EntryVisitor& visit) {
  const InlineData data = inline_data(source.volume(), directory);
  constexpr std::size_t parent_size = 4;
  const Place place{directory.ino, 0};
  const std::size_t in_block = std::min<std::uint64_t>(directory.size, data.block.size());
  if (in_block <= parent_size)
    throw_corrupt(place, "a folder of " + std::to_string(in_block) + " bytes");
  const auto first = data.block.subspan(parent_size, in_block - parent_size);
  if (EntryRegion(source.volume(), place, first).visit(visit)) {
    EntryRegion(source.volume(), place, data.tail).visit(visit);
  }
}

}  // namespace

bool parse_directory_block(const Volume& volume, const InodeRecord& directory,
                           std::uint32_t logical, std::uint64_t physical,
                           std::span<const std::byte> block, const EntryVisitor& visit) {
  const Place place{directory.ino, physical};
  if (!volume.checksums()) return EntryRegion(volume, place, block).visit(visit);
  if (const auto start = index_start(directory, logical, block)) {
    if (*start + 4 > block.size()) throw_corrupt(place, "index of the folder: a wrong header");
    check_index(directory, place, *start, block);
    return EntryRegion(volume, place, block).visit(visit);
  }
  check_leaf(directory, place, block);
  return EntryRegion(volume, place, block.first(block.size() - checksum_tail)).visit(visit);
}

void walk_directory(BlockSource& source, const InodeRecord& directory, const EntryVisitor& visit) {
  if (directory.has(inode_flag_inline_data)) return walk_inline(source, directory, visit);
  const Volume& volume = source.volume();
  const std::uint64_t blocks = directory.size / volume.block_size;
  if (blocks == 0 || directory.size % volume.block_size != 0) {
    throw_corrupt({directory.ino, 0}, "a folder of " + std::to_string(directory.size) + " bytes");
  }
  std::uint64_t next = 0;
  bool enough = false;
  std::array<std::byte, largest_block> buffer;
  const auto block = std::span(buffer).first(volume.block_size);
  walk_file(source, directory, 0, [&](const MappedBlocks& piece) {
    for (std::uint32_t i = 0; i < piece.length && next < blocks; ++i) {
      if (piece.logical + std::uint64_t{i} != next || piece.unwritten) return false;
      source.read(piece.physical + i, block);
      enough = !parse_directory_block(volume, directory, static_cast<std::uint32_t>(next),
                                      piece.physical + i, block, visit);
      if (enough) return false;
      ++next;
    }
    return next < blocks;
  });
  if (!enough && next < blocks) {
    throw_corrupt({directory.ino, 0}, "block " + std::to_string(next) + " of the folder's " +
                                          std::to_string(blocks) + " is missing");
  }
}

}  // namespace vmkit::ext4
