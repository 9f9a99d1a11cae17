// SPDX-License-Identifier: Apache-2.0
#pragma once

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
#include <vmkit/ext4/file_writer.hpp>
#include <vmkit/ext4/options.hpp>
#include <vmkit/ext4/types.hpp>

namespace vmkit::ext4 {

/// An ext4 file system on a BlockDevice, made or changed in user space: a tree of inodes in memory
/// over a block allocator. File data goes to free blocks of the device as it arrives; metadata at
/// commit(), which may be called again and again.
///
/// The device must outlive the object. Before the first commit() of a new file system there is no
/// valid superblock on the device, so that an image is never mountable half-written; from then on
/// the image is what the last commit() made of it. What a commit() writes depends on the image and
/// the calls since the last one alone, whether an object goes on or the image is opened again;
/// nothing depends on the clock or on chance. Names are bytes: 1 to 255, without '/' and NUL, not
/// "." or "..". Confined: one thread at a time.
///
/// Errors: invalid_argument (a bad name, a parent that is no directory, an inode not in use),
/// already_exists, resource_exhausted (the image is full: the message says its size), unsupported
/// (more names, or a longer file, than ext4 can have in an image of any size), io from the device,
/// failed_precondition after a commit() that failed. After an error the tree is as it was before
/// the call. A tree that was accepted always fits: commit() never finds the image full. Once there
/// is a committed image, changes need free blocks, removing too: it is not overwritten. Memory:
/// about 150 bytes an entry with a name of usual length. Look-ups and insertions take time
/// logarithmic in the size of the directory. Format: docs/formats/ext4.md.
class Filesystem {
 public:
  /// Starts an empty file system: "/" (mode 0755, root) and /lost+found. Discards all that is on
  /// `device` and gives it `options.size`. Throws invalid_argument before it touches the device.
  static Filesystem format(BlockDevice& device, const FormatOptions& options);

  /// Loads the file system that stands on `device`, to change it: one of ours, or one that mke2fs
  /// made for ext4 with blocks of 4 KiB. A journal with something in it is replayed on the device
  /// first; nothing else is written before commit(). All metadata is verified. Throws unsupported
  /// (with the features), failed_precondition (an image that e2fsck has to look after first),
  /// data_corruption with the place.
  static Filesystem open(BlockDevice& device);

  Filesystem(Filesystem&&) noexcept;
  Filesystem& operator=(Filesystem&&) noexcept;
  ~Filesystem();

  Inode root() const;
  std::optional<Inode> lookup(Inode directory, std::string_view name) const;
  FileType type(Inode inode) const;
  Attributes attributes(Inode inode) const;
  /// The names of a file. Of a directory 2 and one for each subdirectory, however many; on disk
  /// more than 65,000 become 1, as ext4 has it.
  std::uint32_t link_count(Inode inode) const;
  /// The target of a symlink.
  std::string_view symlink_target(Inode symlink) const;
  /// Calls `visit` for each entry but "." and "..", in no promised order. The tree must not be
  /// changed meanwhile.
  void for_each_entry(Inode directory,
                      const std::function<void(std::string_view name, Inode inode)>& visit) const;

  /// The bytes of a file, or of a symlink's target; 0 for all others.
  std::uint64_t size(Inode inode) const;
  /// Of a device; zero for all others.
  DeviceNumber device(Inode inode) const;
  /// Fills `buffer` with the content of a file from byte `offset` on, as far as it goes: returns
  /// how much that is, 0 at the end. Of a file that is being written: up to a block before its end.
  std::size_t read(Inode file, std::uint64_t offset, std::span<std::byte> buffer) const;
  /// Where `path` leads, taken from the root, whether it begins with a slash or not. Symlinks are
  /// followed inside the image, at most 40 (more: failed_precondition); ".." of the root is the
  /// root. None if something is missing, or no directory, on the way.
  std::optional<Inode> resolve(std::string_view path, LastSymlink last = LastSymlink::follow) const;

  Inode make_directory(Inode parent, std::string_view name, const Attributes& attributes);
  /// `target`: 1 to 4095 bytes.
  Inode make_symlink(Inode parent, std::string_view name, std::string_view target,
                     const Attributes& attributes);
  /// A device, fifo or socket; `device` counts for devices only.
  Inode make_special(Inode parent, std::string_view name, FileType type, DeviceNumber device,
                     const Attributes& attributes);
  /// A regular file, empty until its writer is used. One writer at a time: throws
  /// failed_precondition while another is neither finished nor destroyed.
  FileWriter make_file(Inode parent, std::string_view name, const Attributes& attributes);
  /// `mkdir -p`: the directory that `path` leads to, as resolve() understands it. What is missing
  /// is made with `attributes`; failed_precondition if something on the way is no directory.
  Inode make_directories(std::string_view path, const Attributes& attributes);

  /// Writes the content of `file` anew, from its beginning, or goes on at its end. As make_file()
  /// otherwise. The committed content stays on the device until commit().
  FileWriter replace_content(Inode file);
  FileWriter append_to(Inode file);

  /// Another name for `target`, which is not a directory. At most 65,000 names
  /// (unsupported).
  void link(Inode directory, std::string_view name, Inode target);

  /// Removes one name; a directory with everything below. Space of inodes without a name left is
  /// free for others once commit() has happened, or at once if it was taken since the last one;
  /// commit() discards it, so that removed data is not readable on the device. Does no I/O. Throws
  /// not_found.
  void remove(Inode directory, std::string_view name);

  /// rename(2): gives what is `name` in `from` the name `new_name` in `to`. What has that name is
  /// removed: a directory only by a directory and if it is empty, another thing only by what is no
  /// directory (failed_precondition). Two names of one inode stay as they are. Throws not_found,
  /// invalid_argument (a directory into itself or below).
  void rename(Inode from, std::string_view name, Inode to, std::string_view new_name);

  void set_attributes(Inode inode, const Attributes& attributes);
  /// Replaces all extended attributes of `inode`. Throws unsupported for a name whose prefix ext4
  /// cannot store, resource_exhausted for more than fit in one inode and one block,
  /// invalid_argument for a name given twice or a value that is no POSIX ACL where one belongs.
  void set_xattrs(Inode inode, std::vector<Xattr> xattrs);

  /// The extended attributes of `inode`, in order of their names.
  std::vector<Xattr> xattrs(Inode inode) const;

  /// Inodes in use, "/" and lost+found included, for limits and progress.
  std::uint64_t inode_count() const;

  /// Writes all that changed, and flushes the device. If it fails or is stopped, nothing may be
  /// called any more that changes the tree. A new file system then has no valid superblock; an
  /// image is as it was before or as it shall become, for the kernel, e2fsck and Reader, which
  /// replay a journal. An image without one gets one for the time of the commit: that needs 4 MiB
  /// free or more, else resource_exhausted. Stoppable until the image has changed. Progress: phase
  /// "commit", in inodes. Throws failed_precondition while a FileWriter is not finished.
  void commit(const CallOptions& options = {});
  void commit(CommitMode mode, const CallOptions& options = {});

  /// Commits, and then gives image and device another size (1 MiB to 16 TiB), in a few commits of
  /// `mode`: what is in the way is moved; shrinking may give inodes other numbers. Data is copied
  /// only if it has to move. Whatever fails, the image is whole, of the old size or the new one;
  /// the object is as after a commit() that failed. Throws resource_exhausted if it cannot be as
  /// small, failed_precondition before the first commit().
  void resize(ByteSize size, CommitMode mode = CommitMode::atomic, const CallOptions& options = {});
  /// To what resize() can shrink an image, with a little more than its content needs.
  ByteSize least_size() const;

 private:
  friend class FileWriter;
  struct Impl;
  explicit Filesystem(std::unique_ptr<Impl> impl);
  FileWriter open_writer(Inode file, bool anew);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::ext4
