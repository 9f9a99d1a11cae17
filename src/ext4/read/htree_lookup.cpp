// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/htree_lookup.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "ext4/format/format.hpp"
#include "ext4/format/htree_hash.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/directory.hpp"
#include "ext4/read/file_map.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t root_info_at = 24;
constexpr std::size_t root_info_size = 8;
constexpr std::size_t node_index_at = 8;
constexpr std::size_t index_pair_size = 8;
constexpr unsigned most_levels = 3;

struct IndexPair {
  std::uint32_t hash;
  std::uint32_t block;
};

/// One block of the index and where in it the search is.
struct IndexNode {
  std::vector<IndexPair> pairs;
  std::size_t at = 0;
};

class IndexSearch {
 public:
  IndexSearch(BlockSource& source, const InodeRecord& folder, std::string_view name)
      : source_(source),
        folder_(folder),
        name_(name),
        hash_(htree_hash(name, {source.volume().hash_seed, source.volume().unsigned_hash}).major) {}

  std::optional<IndexAnswer> run() {
    load(0);
    if (buffer_[root_info_at + 4] != std::byte{half_md4}) return std::nullopt;
    if (buffer_[root_info_at + 5] != std::byte{root_info_size}) corrupt("a wrong header");
    const auto levels = static_cast<unsigned>(buffer_[root_info_at + 6]);
    if (levels >= most_levels) corrupt(std::to_string(levels) + " levels");
    push(root_info_at + root_info_size);
    for (unsigned level = 0; level < levels; ++level) descend();
    // More leaves of one hash than the folder has blocks cannot be.
    for (std::uint64_t left = folder_.size / source_.volume().block_size; left > 0; --left) {
      load(way_.back().pairs[way_.back().at].block);
      if (found_ || !next_leaf_has_hash()) break;
    }
    return IndexAnswer{found_};
  }

 private:
  [[noreturn]] void corrupt(const std::string& what) const {
    throw_corrupt({folder_.ino, place_}, "index of the folder: " + what);
  }

  std::span<std::byte> block() { return std::span(buffer_).first(source_.volume().block_size); }

  /// Reads block `logical` of the folder and verifies it.
  void load(std::uint32_t logical) {
    place_ = 0;
    walk_file(source_, folder_, logical, [&](const MappedBlocks& piece) {
      if (piece.logical <= logical && !piece.unwritten) {
        place_ = piece.physical + (logical - piece.logical);
      }
      return false;
    });
    if (place_ == 0 || logical >= folder_.size / source_.volume().block_size) {
      corrupt("block " + std::to_string(logical) + " of the folder is missing");
    }
    source_.read(place_, block());
    found_.reset();
    parse_directory_block(source_.volume(), folder_, logical, place_, block(),
                          [&](const DirectoryEntry& entry) {
                            if (entry.name == name_) found_ = entry.ino;
                            return !found_;
                          });
  }

  /// Takes the pairs at `start` of the block that was loaded, and goes to the one for the hash.
  void push(std::size_t start) {
    const auto bytes = block();
    const std::size_t count = load_le<std::uint16_t>(&bytes[start + 2]);
    if (count == 0 || start + count * index_pair_size > bytes.size()) {
      corrupt(std::to_string(count) + " entries");
    }
    IndexNode node;
    for (std::size_t i = 0; i < count; ++i) {
      const std::byte* at = &bytes[start + i * index_pair_size];
      // The first pair has no hash: limit and count stand there.
      node.pairs.push_back(
          {i == 0 ? 0 : load_le<std::uint32_t>(at), load_le<std::uint32_t>(at + 4)});
      if (i > 0 && node.pairs[i].hash < node.pairs[i - 1].hash) corrupt("out of order");
    }
    const auto behind = std::upper_bound(
        node.pairs.begin(), node.pairs.end(), hash_,
        [](std::uint32_t hash, const IndexPair& pair) { return hash < pair.hash; });
    node.at = static_cast<std::size_t>(behind - node.pairs.begin()) - 1;
    way_.push_back(std::move(node));
  }

  void descend() {
    load(way_.back().pairs[way_.back().at].block);
    push(node_index_at);
  }

  /// Goes on to the next leaf if it begins with more names of the same hash.
  bool next_leaf_has_hash() {
    const std::size_t depth = way_.size();
    while (!way_.empty() && way_.back().at + 1 == way_.back().pairs.size()) way_.pop_back();
    if (way_.empty()) return false;
    IndexNode& node = way_.back();
    ++node.at;
    if ((node.pairs[node.at].hash & ~std::uint32_t{1}) != hash_) return false;
    while (way_.size() < depth) {
      descend();
      way_.back().at = 0;
    }
    return true;
  }

  BlockSource& source_;
  const InodeRecord& folder_;
  std::string_view name_;
  std::uint32_t hash_;
  std::vector<IndexNode> way_;
  std::array<std::byte, largest_block> buffer_;
  std::uint64_t place_ = 0;
  std::optional<std::uint32_t> found_;
};

}  // namespace

std::optional<IndexAnswer> look_up(BlockSource& source, const InodeRecord& folder,
                                   std::string_view name) {
  const Volume& volume = source.volume();
  const bool ascii = std::none_of(name.begin(), name.end(),
                                  [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (!volume.has_compat(compat::dir_index) || !folder.has(inode_flag_index) ||
      folder.has(inode_flag_inline_data) || (!volume.unsigned_hash && !ascii)) {
    return std::nullopt;
  }
  return IndexSearch(source, folder, name).run();
}

}  // namespace vmkit::ext4
