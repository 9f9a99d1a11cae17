// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/block_device.hpp>
#include <vmkit/base/byte_size.hpp>
#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// What a Reader does about a journal.
struct ReaderOptions {
  /// What a machine that was killed has left in the journal is applied, in memory only. Without, an
  /// image that has something there is refused (failed_precondition).
  bool replay_journal = true;
};

/// What the superblock tells.
struct ImageInfo {
  ByteSize size;        ///< Of the file system; the device may be larger.
  ByteSize block_size;  ///< 1, 2 or 4 KiB.
  std::array<std::byte, 16> uuid = {};
  std::string label;
  std::vector<std::string> features;  ///< As dumpe2fs spells them.
  std::uint32_t inodes = 0;           ///< In use or not.
  /// As last counted: a machine that was killed may have left them behind the truth.
  std::uint64_t free_blocks = 0;
  std::uint32_t free_inodes = 0;
  bool journal_replayed = false;
  /// It was unmounted, or has a journal that makes up for that. If not, its machine was killed
  /// before all was written: what it had synced is there, the rest may be missing or contradict
  /// itself.
  bool clean = true;
};

/// What stat(2) tells of an inode, and its creation time.
struct FileStatus {
  FileType type = FileType::regular;
  Attributes attributes;
  std::uint64_t size = 0;   ///< Bytes; of a symlink: of its target.
  std::uint32_t links = 0;  ///< As stored: 1 for a folder with more than 65,000 subfolders.
  ByteSize allocated;       ///< On the disk, with what the file's own metadata takes.
  DeviceNumber device;      ///< Of devices only.
  std::optional<Timestamp> created;
};

/// A piece of a regular file; pieces follow one another without a gap, up to the file's size.
struct FileExtent {
  enum class Kind : std::uint8_t {
    data,
    unwritten,  ///< Has its place, but reads as zeros.
    hole,       ///< Has none and reads as zeros.
    in_inode,   ///< A small file whose data stands in its inode.
  };
  Kind kind = Kind::data;
  std::uint64_t offset = 0;  ///< Bytes, as all here; in the file.
  std::uint64_t length = 0;
  std::uint64_t physical = 0;  ///< On the device; of data and unwritten only.

  friend bool operator==(const FileExtent&, const FileExtent&) = default;
};

/// Reads any ext4 image, whoever made it, lazily and without ever writing to the device, which must
/// outlive the object and not change. Blocks of 1, 2 and 4 KiB; extent trees and block maps; linear
/// and indexed folders, inline data; extended attributes in inode, block and inodes of their own.
/// Every checksum that the image has is verified when what it covers is read.
///
/// Images are taken for hostile: what contradicts itself or the device is data_corruption with the
/// inode and the block, found when it is read; nothing is read outside of the device, no call goes
/// on for longer or takes more memory than the image's own size allows for. Two names may lead to
/// one folder in such an image: whoever walks the tree must look out for circles.
///
/// Errors: data_corruption; unsupported (features, named; a block size); io from the device;
/// invalid_argument (an inode of another type than the call is for, or one that cannot be).
/// Names are bytes without '/' and NUL. Confined: one thread at a time. Memory: about 600 KiB, and
/// what a journal that was replayed holds: 24 bytes for each of its blocks.
class Reader {
 public:
  static Reader open(BlockDevice& device, const ReaderOptions& options = {});

  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  const ImageInfo& info() const;

  Inode root() const;
  std::optional<Inode> lookup(Inode folder, std::string_view name);
  /// Where `path` leads, taken from the root, whether it begins with a slash or not. Symlinks are
  /// followed inside the image, at most 40 (more: failed_precondition); ".." of the root is the
  /// root. None if something is missing or no folder on the way.
  std::optional<Inode> resolve(std::string_view path, LastSymlink last = LastSymlink::follow);

  FileStatus stat(Inode inode);
  /// Calls `visit` for each entry but "." and "..", in the order in which they stand on disk, which
  /// is no order of their names. The Reader may be used meanwhile.
  void for_each_entry(Inode folder,
                      const std::function<void(std::string_view name, Inode inode)>& visit);
  std::string symlink_target(Inode symlink);
  /// Ordered by name; ACLs in the encoding of the system calls.
  std::vector<Xattr> xattrs(Inode inode);

  /// The pieces of a regular file, in order; `visit` returns whether it wants more.
  void for_each_extent(Inode file, const std::function<bool(const FileExtent& extent)>& visit);
  /// Fills `buffer` with the data from byte `offset` of a regular file on, as far as it goes:
  /// returns how much that is, 0 at the end. What is not data reads as zeros.
  std::size_t read(Inode file, std::uint64_t offset, std::span<std::byte> buffer);

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::ext4
