// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ext4/commit/device_writer.hpp"
#include "ext4/format/format.hpp"
#include "ext4/format/geometry.hpp"
#include "ext4/format/htree_hash.hpp"
#include "ext4/format/superblock.hpp"
#include "ext4/read/volume.hpp"
#include "ext4/tree/nodes.hpp"
#include "ext4/tree/space.hpp"

#include <vmkit/ext4/filesystem.hpp>

namespace vmkit::ext4 {

struct OpenFile;

/// What the device says of itself since the last commit, and what stays where it is.
struct Image {
  Volume volume;
  std::array<std::byte, superblock_size> superblock = {};
  std::vector<std::byte> descriptors;  ///< Of all groups, one behind the other.

  std::span<std::byte> descriptor(std::uint32_t group) {
    return std::span(descriptors)
        .subspan(std::size_t{group} * volume.descriptor_size, volume.descriptor_size);
  }
};

/// What is below Filesystem, its FileWriter and commit().
struct State {
  /// A new file system, before its first commit.
  State(BlockDevice& device_in, const FormatOptions& options_in);
  /// The file system that stands on the device.
  explicit State(BlockDevice& device_in);

  void check_open() const;
  Node& node(Inode inode);
  Directory& directory(Inode inode);

  /// Adds an inode of `type` under `name`; `content_blocks` are promised to its content.
  Inode add(Inode parent, std::string_view name, FileType type, const Attributes& attributes,
            std::uint64_t content_blocks);
  /// Adds a name that may be added, to a directory whose content is marked as changed; promises
  /// the space for it. Strong guarantee.
  void add_name(Directory& parent, std::string_view name, std::uint32_t ino);
  void rename(Inode from, std::string_view name, Inode to, std::string_view new_name);
  /// Takes one out again, which is there.
  void erase_name(Directory& parent, std::string_view name);
  /// Replaces the extended attributes of an inode. Strong guarantee.
  void set_xattrs(Node& node, std::vector<Xattr> xattrs);
  /// An inode for the value of an extended attribute, whose data it writes.
  std::uint32_t add_xattr_value(std::string_view value);
  void release_xattr_values(const XattrSet* set);
  /// Marks the extended attributes of an inode, which stand on the device, as changed.
  void change_xattrs(std::uint32_t ino);
  /// Gives an inode that stands on the device the lowest free number. Names are up to the caller.
  std::uint32_t renumber(std::uint32_t ino);
  /// Marks the content of an inode as changed; promises the space for writing it anew.
  void change_content(std::uint32_t ino);
  /// What is due when `ino` has one name less, which was in `parent`.
  void release_name(Inode parent, std::uint32_t ino);
  std::uint32_t parent_of(std::uint32_t directory_ino) {
    return directory(Inode{directory_ino}).parent;
  }
  /// Frees an inode without names, a directory with all below it.
  void free_tree(std::uint32_t ino);
  void free_inode(std::uint32_t ino);

  /// Called when all that is in memory stands on the device, which then is `committed`. Returns the
  /// blocks that nothing uses any more.
  BlockRanges settle(Image committed);

  /// Makes the journal's inode, which has no name.
  void make_journal(ByteSize size);

  BlockDevice& device;
  FormatOptions options;             ///< Of a new file system.
  std::optional<Geometry> geometry;  ///< The same.
  std::optional<Image> image;        ///< None before the first commit.
  std::uint32_t seed = 0;            ///< Of all checksums.
  HtreeHasher hasher;
  DiskTime created;  ///< The creation time of new inodes.
  Space space;
  DeviceWriter output;
  NodeTable nodes;
  NameArena names;
  /// Inodes that get another number with the next commit: new and old one.
  std::map<std::uint32_t, std::uint32_t> renumbered;
  std::uint64_t xattr_values = 0;  ///< In inodes of their own, which needs a feature.
  OpenFile* writer = nullptr;      ///< The one that is not finished.
  bool closed = false;             ///< A commit() has failed.
};

/// Throw unless it is one, and the name new in `parent`.
void check_name(std::string_view name);
void check_new_name(const Directory& parent, std::string_view name);
/// Throws not_found.
[[noreturn]] void throw_no_name(std::string_view name);
void check_permissions(const Attributes& attributes);

}  // namespace vmkit::ext4
