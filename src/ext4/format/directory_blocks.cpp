// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/directory_blocks.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t tail_size = 12;
constexpr std::uint32_t entry_room = block_size - tail_size;
constexpr std::uint32_t dot_size = 12;  // of "." and of ".."
constexpr std::uint32_t largest_entry = dirent_size(255);
/// Leaves are filled so far only, so that the guest's first new names do not split every one.
constexpr std::uint32_t leaf_fill = entry_room * 7 / 8;

constexpr std::size_t root_entries_at = 32;
constexpr std::size_t node_entries_at = 8;
constexpr std::size_t index_entry_size = 8;
constexpr std::size_t index_tail_size = 8;
constexpr std::uint32_t index_limit(std::size_t entries_at) {
  return static_cast<std::uint32_t>((block_size - entries_at - index_tail_size) / index_entry_size);
}
constexpr std::uint32_t root_limit = index_limit(root_entries_at);
constexpr std::uint32_t node_limit = index_limit(node_entries_at);

constexpr std::uint64_t index_nodes(std::uint64_t leaves) {
  return leaves > root_limit ? ceil_div(leaves, node_limit) : 0;
}

using Block = std::array<std::byte, block_size>;

std::byte type_code(FileType type) {
  switch (type) {
    case FileType::regular:
      return std::byte{1};
    case FileType::directory:
      return std::byte{2};
    case FileType::character_device:
      return std::byte{3};
    case FileType::block_device:
      return std::byte{4};
    case FileType::fifo:
      return std::byte{5};
    case FileType::socket:
      return std::byte{6};
    case FileType::symlink:
      return std::byte{7};
  }
  return std::byte{0};
}

/// Puts entries one behind the other; the last one is stretched to the end.
class EntryWriter {
 public:
  explicit EntryWriter(Block& block) : block_(block) { block_.fill(std::byte{0}); }

  void add(std::uint32_t ino, std::string_view name, FileType type) {
    last_ = at_;
    store_le(&block_[at_], ino);
    block_[at_ + 6] = static_cast<std::byte>(name.size());
    block_[at_ + 7] = type_code(type);
    std::memcpy(&block_[at_ + 8], name.data(), name.size());
    at_ += dirent_size(name.size());
    store_le(&block_[last_ + 4], static_cast<std::uint16_t>(at_ - last_));
  }

  void finish(std::uint32_t checksum_seed) {
    store_le(&block_[last_ + 4], static_cast<std::uint16_t>(entry_room - last_));
    constexpr std::byte checksum_type{0xde};
    store_le(&block_[entry_room + 4], static_cast<std::uint16_t>(tail_size));
    block_[entry_room + 7] = checksum_type;
    store_le(&block_[entry_room + 8], crc32c(checksum_seed, std::span(block_).first(entry_room)));
  }

 private:
  Block& block_;
  std::uint32_t at_ = 0;
  std::uint32_t last_ = 0;
};

struct IndexEntry {
  std::uint32_t hash;
  std::uint32_t block;
};

/// Stores the entries of an index block and its checksum; what stands before is there.
void finish_index(Block& block, std::size_t entries_at, std::span<const IndexEntry> entries,
                  std::uint32_t checksum_seed) {
  std::byte* at = &block[entries_at];
  for (const IndexEntry& entry : entries) {
    store_le(at, entry.hash);
    store_le(at + 4, entry.block);
    at += index_entry_size;
  }
  // The first entry's hash is not needed: limit and count stand there.
  const std::uint32_t limit = index_limit(entries_at);
  store_le(&block[entries_at], static_cast<std::uint16_t>(limit));
  store_le(&block[entries_at + 2], static_cast<std::uint16_t>(entries.size()));
  const std::span<const std::byte> used =
      std::span(block).first(entries_at + entries.size() * index_entry_size);
  constexpr std::array<std::byte, index_tail_size> empty_tail{};
  store_le(&block[entries_at + limit * index_entry_size + 4],
           crc32c(crc32c(checksum_seed, used), empty_tail));
}

}  // namespace

std::uint64_t directory_blocks_bound(std::uint64_t record_bytes) {
  if (record_bytes + 2 * dot_size <= entry_room) return 1;
  const std::uint64_t leaves = record_bytes / (leaf_fill - largest_entry) + 1;
  return 1 + leaves + index_nodes(leaves);
}

std::uint64_t max_directory_record_bytes() {
  return std::uint64_t{root_limit} * node_limit * (leaf_fill - largest_entry) - 1;
}

DirectoryBlocks::DirectoryBlocks(const NameIndex& names, std::uint64_t record_bytes,
                                 const HtreeHasher& hasher)
    : names_(names) {
  if (record_bytes + 2 * dot_size <= entry_room) return;
  hashed_.reserve(names.size());
  names.for_each([&](const NameIndex::Entry& entry) {
    hashed_.push_back({htree_hash(entry.name(), hasher), &entry});
  });
  std::sort(hashed_.begin(), hashed_.end(), [](const Hashed& a, const Hashed& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return a.entry->name() < b.entry->name();
  });
  std::uint32_t used = 0;
  for (std::size_t i = 0; i < hashed_.size(); ++i) {
    const std::uint32_t size = dirent_size(hashed_[i].entry->length);
    if (leaves_.empty() || used + size > leaf_fill) {
      const std::uint32_t hash = hashed_[i].hash.major;
      const bool continues = i > 0 && hashed_[i - 1].hash.major == hash;
      leaves_.push_back({continues ? hash | 1 : hash, i});
      used = 0;
    }
    used += size;
  }
}

std::uint32_t DirectoryBlocks::count() const {
  if (!indexed()) return 1;
  return static_cast<std::uint32_t>(1 + index_nodes(leaves_.size()) + leaves_.size());
}

void DirectoryBlocks::write_index(
    const Identity& identity,
    const std::function<void(std::span<const std::byte> block)>& sink) const {
  const auto nodes = static_cast<std::uint32_t>(index_nodes(leaves_.size()));
  std::vector<IndexEntry> leaf_entries;
  leaf_entries.reserve(leaves_.size());
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    leaf_entries.push_back({leaves_[i].hash, static_cast<std::uint32_t>(1 + nodes + i)});
  }
  std::vector<IndexEntry> root_entries;
  for (std::uint32_t i = 0; i < nodes; ++i) {
    root_entries.push_back({leaves_[std::size_t{i} * node_limit].hash, 1 + i});
  }
  Block block;
  EntryWriter dots(block);
  dots.add(identity.ino, ".", FileType::directory);
  dots.add(identity.parent, "..", FileType::directory);
  // To readers that know no index, ".." takes the whole rest.
  store_le(&block[dot_size + 4], static_cast<std::uint16_t>(block_size - dot_size));
  block[28] = std::byte{half_md4};
  block[29] = std::byte{8};  // the size of this header
  block[30] = static_cast<std::byte>(nodes > 0 ? 1 : 0);
  finish_index(block, root_entries_at, nodes > 0 ? root_entries : leaf_entries,
               identity.checksum_seed);
  sink(block);
  for (std::size_t first = 0; nodes > 0 && first < leaf_entries.size(); first += node_limit) {
    block.fill(std::byte{0});
    store_le(&block[4], static_cast<std::uint16_t>(block_size));  // one unused entry
    const std::size_t size = std::min<std::size_t>(node_limit, leaf_entries.size() - first);
    finish_index(block, node_entries_at, std::span(leaf_entries).subspan(first, size),
                 identity.checksum_seed);
    sink(block);
  }
}

void DirectoryBlocks::write(
    const Identity& identity, const std::function<FileType(std::uint32_t ino)>& type_of,
    const std::function<void(std::span<const std::byte> block)>& sink) const {
  Block block;
  const auto add = [&](EntryWriter& writer, const NameIndex::Entry& entry) {
    writer.add(entry.ino, entry.name(), type_of(entry.ino));
  };
  if (!indexed()) {
    EntryWriter writer(block);
    writer.add(identity.ino, ".", FileType::directory);
    writer.add(identity.parent, "..", FileType::directory);
    names_.for_each([&](const NameIndex::Entry& entry) { add(writer, entry); });
    writer.finish(identity.checksum_seed);
    sink(block);
    return;
  }
  write_index(identity, sink);
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    const std::size_t end = i + 1 < leaves_.size() ? leaves_[i + 1].first : hashed_.size();
    EntryWriter writer(block);
    for (std::size_t at = leaves_[i].first; at < end; ++at) add(writer, *hashed_[at].entry);
    writer.finish(identity.checksum_seed);
    sink(block);
  }
}

std::vector<std::byte> DirectoryBlocks::empty_block(std::uint32_t checksum_seed) {
  Block block;
  EntryWriter(block).finish(checksum_seed);
  return {block.begin(), block.end()};
}

}  // namespace vmkit::ext4
