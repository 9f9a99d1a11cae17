// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/block_device.hpp>
#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// How a new file system is made. The same options and the same calls give the same bytes.
struct FormatOptions {
  ByteSize size;                             ///< Of the whole image: 1 MiB to 16 TiB.
  std::array<std::byte, 16> uuid = {};       ///< Of the file system.
  std::array<std::byte, 16> hash_seed = {};  ///< Of the htree directories; not all zero.
  std::string label = {};                    ///< At most 16 bytes.
  Timestamp created = {};                    ///< Of the superblock, "/" and lost+found.
  std::optional<ByteSize> journal = {};      ///< The size of a clean journal; none without.
};

class FileWriter;

/// A new ext4 file system on a BlockDevice, written in user space: a tree of inodes in memory over
/// a block allocator. File data goes to the device as it arrives; metadata at commit().
///
/// The device must outlive the object. Until commit() has returned there is no valid superblock on
/// the device, so that an image is never mountable half-written. Names are bytes: 1 to 255, without
/// '/' and NUL, not "." or "..". Confined: one thread at a time. Errors: invalid_argument (a bad
/// name, a parent that is no directory), already_exists, resource_exhausted (the image is full),
/// io from the device. After an error the tree is as it was before the call.
/// Format: docs/formats/ext4.md.
class Filesystem {
 public:
  /// Starts an empty file system: "/" (mode 0755, root) and /lost+found.
  static Filesystem format(BlockDevice& device, const FormatOptions& options);

  Filesystem(Filesystem&&) noexcept;
  Filesystem& operator=(Filesystem&&) noexcept;
  ~Filesystem();

  Inode root() const;
  std::optional<Inode> lookup(Inode directory, std::string_view name) const;
  FileType type(Inode inode) const;
  Attributes attributes(Inode inode) const;
  std::uint32_t link_count(Inode inode) const;
  /// The target of a symlink.
  std::string_view symlink_target(Inode symlink) const;
  /// Calls `visit` for each entry but "." and "..", in no promised order. The tree must not be
  /// changed meanwhile.
  void for_each_entry(Inode directory,
                      const std::function<void(std::string_view name, Inode inode)>& visit) const;

  Inode make_directory(Inode parent, std::string_view name, const Attributes& attributes);
  /// `target`: 1 to 4095 bytes.
  Inode make_symlink(Inode parent, std::string_view name, std::string_view target,
                     const Attributes& attributes);
  /// A device, fifo or socket; `device` counts for devices only.
  Inode make_special(Inode parent, std::string_view name, FileType type, DeviceNumber device,
                     const Attributes& attributes);
  /// A regular file, empty until its writer is used. One writer at a time.
  FileWriter make_file(Inode parent, std::string_view name, const Attributes& attributes);
  /// Another name for `target`, which is not a directory. At most 65,000 names.
  void link(Inode directory, std::string_view name, Inode target);

  /// Removes one name; a directory with everything below. Space of inodes without a name left is
  /// free for others at once. Throws not_found.
  void remove(Inode directory, std::string_view name);

  void set_attributes(Inode inode, const Attributes& attributes);
  /// Replaces all extended attributes of `inode`. Throws unsupported for a name whose prefix ext4
  /// cannot store, resource_exhausted for more than fit in one inode and one block.
  void set_xattrs(Inode inode, std::vector<Xattr> xattrs);

  /// In order of their names.
  std::vector<Xattr> xattrs(Inode inode) const;

  /// Inodes in use, for limits and progress.
  std::uint64_t inode_count() const;

  /// Writes all metadata and last the superblock, and flushes the device. Nothing may be called
  /// afterwards but the destructor. Stoppable until the superblock is written.
  void commit(const CallOptions& options = {});

 private:
  friend class FileWriter;
  struct Impl;
  explicit Filesystem(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Appends to one new file. Must not outlive its Filesystem; destroying it early leaves the file
/// with what was written.
class FileWriter {
 public:
  FileWriter(FileWriter&&) noexcept;
  FileWriter& operator=(FileWriter&&) noexcept;
  ~FileWriter();

  Inode inode() const;
  void write(std::span<const std::byte> data);
  /// Goes on `length` bytes further: a hole, which takes no space and reads as zeros.
  void skip(std::uint64_t length);
  /// Writes what is still buffered. Nothing may be written afterwards.
  void finish();

 private:
  friend class Filesystem;
  struct Impl;
  explicit FileWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::ext4
