// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "ext4/read/block_source.hpp"
#include "ext4/read/inode.hpp"

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// One name of a folder, "." and ".." among them. `name` is valid during the call only.
struct DirectoryEntry {
  std::string_view name;
  std::uint32_t ino = 0;  ///< 1 to volume.inodes.
  /// As the entry tells it; none without the filetype feature.
  std::optional<FileType> type;

  bool is_dot() const { return name == "." || name == ".."; }
};

/// Takes one entry; false: that was enough.
using EntryVisitor = std::function<bool(const DirectoryEntry&)>;

/// The entries of one block of a folder, linear or a part of an htree (whose index has no entries).
/// `logical`: which block of the folder; `physical`: where it stands, for messages. False: the
/// visitor had enough. Throws data_corruption: a checksum, entries that do not fit, names that
/// cannot be, inode numbers outside.
bool parse_directory_block(const Volume& volume, const InodeRecord& directory,
                           std::uint32_t logical, std::uint64_t physical,
                           std::span<const std::byte> block, const EntryVisitor& visit);

/// All entries of a folder in the order in which they stand on disk, of whatever form it is. A
/// folder of which a block is missing is data_corruption.
void walk_directory(BlockSource& source, const InodeRecord& directory, const EntryVisitor& visit);

}  // namespace vmkit::ext4
