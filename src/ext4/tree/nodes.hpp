// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ext4/format/extents.hpp"
#include "ext4/format/times.hpp"
#include "ext4/format/xattrs.hpp"
#include "ext4/tree/block_ranges.hpp"
#include "ext4/tree/name_index.hpp"

#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

struct RegularFile {
  std::uint64_t size = 0;
  std::vector<Extent> extents;
};

struct Directory {
  std::uint32_t parent = 0;
  std::uint32_t spare_blocks = 0;  ///< Empty blocks at the end of one that needs no index.
  std::uint64_t record_bytes = 0;  ///< Of the entries for `names`.
  NameIndex names;
};

struct Symlink {
  std::string target;

  /// Short targets stand in the inode itself.
  bool fast() const { return target.size() < 60; }
  std::uint64_t blocks() const { return fast() ? 0 : 1; }
};

/// An inode in memory. Kept small: an image may have millions.
struct Node {
  FileType type = FileType::regular;
  bool used : 1 = false;
  bool stored : 1 = false;   ///< The committed image has an inode of this number…
  bool same : 1 = false;     ///< …which is this one, as it was then.
  bool changed : 1 = false;  ///< The record on the device must be written, or cleared if not used.
  bool content_changed : 1 = false;  ///< As must what i_block points to, but for file data.
  bool xattrs_changed : 1 = false;
  std::uint16_t permissions = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 0;  ///< Names; of a directory: also "." and each subdirectory's "..".
  DiskTime mtime;
  DiskTime atime;
  DiskTime ctime;
  /// Monostate for fifos and sockets.
  std::variant<std::monostate, RegularFile, std::unique_ptr<Directory>, Symlink, DeviceNumber>
      content;
  std::unique_ptr<XattrSet> xattrs;

  void set(const Attributes& attributes);
  Attributes attributes() const;
  /// Blocks that commit() needs for the content if that changed: an upper bound.
  std::uint64_t content_promise() const;
  /// The same for all that is marked as changed, extended attributes included.
  std::uint64_t promise() const;
  /// Called when what is in memory stands on the device.
  void settle();
};

/// The blocks that Space keeps for a directory whose names' entries have `record_bytes`.
std::uint64_t directory_promise(const Directory& directory, std::uint64_t record_bytes);

/// All inodes by their number. References stay valid while others come and go.
class NodeTable {
 public:
  NodeTable();

  /// Takes a number into use that allocate() does not give: one below first_free_ino, or of an
  /// image that is loaded, before set_free().
  Node& claim(std::uint32_t ino);
  /// From now on allocate() gives these.
  void set_free(BlockRanges numbers) { free_ = std::move(numbers); }
  /// The number that allocate() gives next: the lowest that is free.
  std::uint64_t next() const { return free_.next(0).start; }
  /// Takes next() into use, as a default-made node that is all new.
  std::uint32_t allocate();
  void release(std::uint32_t ino);

  /// Null for a number not in use.
  Node* find(std::uint32_t ino);
  /// Null for a number that never was in use.
  Node* slot(std::uint32_t ino);
  Node& operator[](std::uint32_t ino) { return chunks_[ino / chunk_size][ino % chunk_size]; }

  /// Calls `visit` with each number that ever was in use, and some beside them, and its node, in
  /// order.
  template <typename Visit>
  void for_each_slot(Visit&& visit) {
    for (std::size_t chunk = 0; chunk < chunks_.size(); ++chunk) {
      if (!chunks_[chunk]) continue;
      for (std::uint32_t i = 0; i < chunk_size; ++i) {
        visit(static_cast<std::uint32_t>(chunk * chunk_size + i), chunks_[chunk][i]);
      }
    }
  }

  /// The highest number ever in use.
  std::uint32_t last() const { return last_; }
  std::uint64_t count() const { return count_; }

 private:
  static constexpr std::uint32_t chunk_size = 256;

  void make_slot(std::uint32_t ino);

  std::vector<std::unique_ptr<Node[]>> chunks_;  ///< Null where no number was ever in use.
  BlockRanges free_;
  std::uint32_t last_;
  std::uint64_t count_ = 0;
};

}  // namespace vmkit::ext4
