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
  bool used = false;
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
};

/// All inodes by their number. References stay valid while others come and go.
class NodeTable {
 public:
  NodeTable();

  /// Takes a number below first_free_ino into use.
  Node& claim(std::uint32_t ino);
  /// The number that allocate() gives next.
  std::uint32_t next() const { return free_.empty() ? last_ + 1 : free_.back(); }
  /// Takes next() into use, as a default-made node.
  std::uint32_t allocate();
  void release(std::uint32_t ino) noexcept;

  /// Null for a number not in use.
  Node* find(std::uint32_t ino);
  Node& operator[](std::uint32_t ino) { return chunks_[ino / chunk_size][ino % chunk_size]; }

  /// The highest number ever in use.
  std::uint32_t last() const { return last_; }
  std::uint64_t count() const { return count_; }

 private:
  static constexpr std::uint32_t chunk_size = 256;

  std::vector<std::unique_ptr<Node[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t last_;
  std::uint64_t count_ = 0;
};

}  // namespace vmkit::ext4
