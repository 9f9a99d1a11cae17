// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ext4/commit/device_writer.hpp"
#include "ext4/format/format.hpp"
#include "ext4/format/geometry.hpp"
#include "ext4/tree/nodes.hpp"
#include "ext4/tree/space.hpp"

#include <vmkit/ext4/filesystem.hpp>

namespace vmkit::ext4 {

struct OpenFile;

/// What is below Filesystem, its FileWriter and commit().
struct State {
  State(BlockDevice& device_in, const FormatOptions& options_in);

  void check_open() const;
  Node& node(Inode inode);
  Directory& directory(Inode inode);

  /// Adds an inode of `type` under `name`; `content_blocks` are promised to its content.
  Inode add(Inode parent, std::string_view name, FileType type, const Attributes& attributes,
            std::uint64_t content_blocks);
  /// Adds a name that may be added; promises the space for it. Strong guarantee.
  void add_name(Directory& parent, std::string_view name, std::uint32_t ino);
  /// Frees an inode without names, a directory with all below it.
  void free_tree(std::uint32_t ino);
  void free_inode(std::uint32_t ino);

  /// Makes the journal's inode, which has no name.
  void make_journal(ByteSize size);

  BlockDevice& device;
  FormatOptions options;
  Geometry geometry;
  Space space;
  DeviceWriter output;
  NodeTable nodes;
  NameArena names;
  OpenFile* writer = nullptr;  ///< The one that is not finished.
  bool closed = false;         ///< commit() has been called.
};

/// Throw unless it is one, and the name new in `parent`.
void check_new_name(const Directory& parent, std::string_view name);
void check_permissions(const Attributes& attributes);

/// The blocks that Space keeps for a directory.
std::uint64_t directory_promise(const Directory& directory, std::uint64_t record_bytes);

}  // namespace vmkit::ext4
