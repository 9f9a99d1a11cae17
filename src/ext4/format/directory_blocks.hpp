// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ext4/format/htree_hash.hpp"
#include "ext4/tree/name_index.hpp"

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// The most blocks that a directory takes whose names' entries have `record_bytes`.
std::uint64_t directory_blocks_bound(std::uint64_t record_bytes);
/// Of an indexed directory; more would need the large_dir feature.
std::uint64_t max_directory_record_bytes();

/// The blocks of one directory: a single one with all entries, or an htree: an index by hash over
/// blocks of entries. `names` must outlive it, unchanged.
class DirectoryBlocks {
 public:
  DirectoryBlocks(const NameIndex& names, std::uint64_t record_bytes, const HtreeHasher& hasher);

  std::uint32_t count() const;
  bool indexed() const { return !leaves_.empty(); }

  struct Identity {
    std::uint32_t ino;
    std::uint32_t parent;
    std::uint32_t checksum_seed;
  };
  /// Gives the blocks in order.
  void write(const Identity& identity, const std::function<FileType(std::uint32_t ino)>& type_of,
             const std::function<void(std::span<const std::byte> block)>& sink) const;

  /// A block without entries, to grow into.
  static std::vector<std::byte> empty_block(std::uint32_t checksum_seed);

 private:
  struct Hashed {
    HtreeHash hash;
    const NameIndex::Entry* entry;
  };
  struct Leaf {
    std::uint32_t hash;  ///< Of its first entry; odd if the leaf before ends with the same.
    std::size_t first;   ///< In hashed_.
  };

  void write_index(const Identity& identity,
                   const std::function<void(std::span<const std::byte> block)>& sink) const;

  const NameIndex& names_;
  std::vector<Hashed> hashed_;
  std::vector<Leaf> leaves_;
};

}  // namespace vmkit::ext4
