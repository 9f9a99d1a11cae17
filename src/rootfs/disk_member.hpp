// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <vmkit/archive/tar_writer.hpp>
#include <vmkit/ext4/reader.hpp>

namespace vmkit::rootfs {

/// Writes inodes of a disk as members of a tar. Confined.
class DiskMemberWriter {
 public:
  /// `disk` and `tar` must outlive it. `tick` is called often, with the bytes of content written so
  /// far; what it throws ends the call.
  DiskMemberWriter(ext4::Reader& disk, archive::TarWriter& tar, bool all_times,
                   std::function<void(std::uint64_t content_bytes)> tick);

  /// The inode with all it has. `path` without a slash at its ends; "" is the root. Not for
  /// sockets.
  void write(const std::string& path, ext4::Inode inode, const ext4::FileStatus& status);
  /// Another name for the inode that was written as `target`.
  void write_link(const std::string& path, const std::string& target,
                  const ext4::FileStatus& status);
  /// An empty file: a whiteout.
  void write_marker(const std::string& path);

  std::uint64_t entries() const { return entries_; }
  std::uint64_t content_bytes() const { return content_bytes_; }

 private:
  archive::TarEntry entry_of(const ext4::FileStatus& status) const;
  void write_file(archive::TarEntry entry, ext4::Inode inode);

  ext4::Reader& disk_;
  archive::TarWriter& tar_;
  bool all_times_;
  std::function<void(std::uint64_t)> tick_;
  std::vector<std::byte> buffer_;
  std::uint64_t entries_ = 0;
  std::uint64_t content_bytes_ = 0;
};

}  // namespace vmkit::rootfs
