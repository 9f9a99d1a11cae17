// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/stream.hpp>

// Trees of files as a stream of bytes, by docs/formats/file-transfer.md: what Files::read_tree()
// gives and Files::write_tree() takes. For who looks into such streams or makes them.
namespace vmkit::agent {

enum class FileKind : std::uint8_t {
  regular = 0,
  directory = 1,
  symlink = 2,
  hard_link = 3,  ///< In streams only: another name of an earlier entry.
  character_device = 4,
  block_device = 5,
  fifo = 6,
  socket = 7,
};

std::string_view to_string(FileKind kind) noexcept;

/// Since 1970.
struct FileTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;

  friend bool operator==(const FileTime&, const FileTime&) = default;
};

/// An extended attribute of a file, its value any bytes.
struct FileXattr {
  std::string name;   ///< As for setxattr(2): "user.x".
  std::string value;  ///< Any bytes.

  friend bool operator==(const FileXattr&, const FileXattr&) = default;
};

/// One file of a tree. Names are bytes, in no particular encoding.
struct TreeEntry {
  /// From the root of the tree, parts separated by '/'; the root's own is empty. A TreeReader gives
  /// no other parts than names: none is empty, "." or "..".
  std::string path;
  FileKind kind = FileKind::regular;
  /// Of symlinks, any text; of hard links, the path of an earlier entry.
  std::string link_target = {};
  std::uint16_t permissions = 0644;  ///< The low 12 bits of the mode.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  FileTime modified = {};
  FileTime accessed = {};
  std::uint64_t size = 0;  ///< Of a regular file, holes included.
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::vector<FileXattr> xattrs = {};
};

/// A piece of a file's data; what lies between two pieces is a hole.
struct TreeBlock {
  std::uint64_t offset;
  std::span<const std::byte> data;
};

/// Something that could not be copied as it is. Fit to be shown: control characters are "?".
struct CopyNotice {
  std::string path;  ///< From the root of the tree.
  std::string what;  ///< For people.
};

/// The notices of one copy: the first thousand, and how many more there were.
struct CopyNotices {
  std::vector<CopyNotice> list = {};
  std::uint64_t left_out = 0;

  void add(CopyNotice notice);
};

/// Reads a tree once, in order. Confined.
///
/// Hostile input is expected: names that are none, entries outside of a folder, more than 256
/// folders one in another, data that overlaps or lies beyond its file's size, more than 1 MiB of
/// extended attributes, a stream that ends before its end mark: all throw data_corruption. What the
/// source throws comes through unchanged. Memory: about 2 MiB.
class TreeReader {
 public:
  /// The source must outlive the reader.
  explicit TreeReader(Source& source);
  ~TreeReader();
  TreeReader(const TreeReader&) = delete;
  TreeReader& operator=(const TreeReader&) = delete;

  /// The next entry, folders before what is in them, valid until the next call; nullptr at the end
  /// of the tree. Data of the entry before that was not read is skipped.
  const TreeEntry* next();

  /// The next piece of the current entry's data, in ascending order, valid until the next call;
  /// nullopt after the last.
  std::optional<TreeBlock> read_block();

  /// What the other end could not read, as far as it was told until now.
  const CopyNotices& notices() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes a tree, entry after entry. Confined. What the sink throws comes through unchanged; the
/// tree is then incomplete and the writer of no more use.
class TreeWriter {
 public:
  /// The sink must outlive the writer.
  explicit TreeWriter(Sink& sink);
  ~TreeWriter();
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;

  /// Begins an entry: first the root, then what is in it, each folder's content right after the
  /// folder. Throws invalid_argument for what a TreeReader would refuse.
  void add(const TreeEntry& entry);
  /// More data of the regular file that was added last; behind what was written before, the space
  /// between being a hole.
  void write(std::uint64_t offset, std::span<const std::byte> data);
  /// Tells the reader of something that is missing here.
  void notice(const CopyNotice& notice);
  /// Ends the tree: without this it is incomplete.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::agent
