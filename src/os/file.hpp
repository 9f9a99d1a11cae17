// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "os/descriptor.hpp"

#include <vmkit/base/byte_size.hpp>

namespace vmkit::os {

/// Which file it is, and whether it is still as it was. Times are since the epoch and as coarse as
/// the file system's.
struct FileStatus {
  std::uint64_t device;
  std::uint64_t inode;
  std::uint64_t size;
  std::chrono::nanoseconds modified;
  std::chrono::nanoseconds changed;

  friend bool operator==(const FileStatus&, const FileStatus&) = default;
};

/// The status of the regular file `path`; nullopt if there is none, or something else in its place:
/// a symlink is not followed.
std::optional<FileStatus> regular_file_status(const std::filesystem::path& path);

FileStatus to_file_status(const struct stat& status);  // per platform

/// An open regular file with positioned reads and writes: no shared file offset, so that several
/// threads may use it at once. Errors name the path. Move-only.
class File {
 public:
  enum class Mode {
    read,        ///< It must exist.
    read_write,  ///< It must exist.
    create,      ///< Read and write; made if it is missing, kept if it is there.
    create_new,  ///< Read and write; it must not exist: already_exists.
  };

  /// Opens `path` close-on-exec; new files get `permissions` less the umask. With
  /// `follow_symlink` false a symlink as last part of the path is refused (for folders that
  /// others may write to).
  static File open(const std::filesystem::path& path, Mode mode, unsigned permissions = 0644,
                   bool follow_symlink = true);

  const std::filesystem::path& path() const noexcept { return path_; }
  int fd() const noexcept { return fd_.get(); }
  ByteSize size() const;
  FileStatus status() const;

  /// Reads up to the end of `buffer` or of the file; returns how many bytes.
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> buffer) const;
  void write_at(std::uint64_t offset, std::span<const std::byte> data);
  void resize(ByteSize size);
  /// Gives the range's space back, so that it reads as zeros; the size stays. Where the file
  /// system has no holes, zeros are written.
  void punch_hole(std::uint64_t offset, std::uint64_t length);
  /// Starts writing the range (length 0: all from `offset` on) to storage without waiting, where
  /// the system can be told to: a later sync() then has less to wait for. A hint; never fails.
  void start_writeback(std::uint64_t offset = 0, std::uint64_t length = 0) noexcept;
  /// Returns when the content is on stable storage (F_FULLFSYNC on macOS).
  void sync();

  /// The same file under the new name it was given by a rename.
  void renamed_to(std::filesystem::path path) { path_ = std::move(path); }

 private:
  friend class Folder;  // opens files relative to itself
  File(std::filesystem::path path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  bool try_punch_hole(std::uint64_t offset, std::uint64_t length);  // per platform

  std::filesystem::path path_;
  Descriptor fd_;
};

/// The whole content of an open file that is at most `limit` long; resource_exhausted if it is
/// longer.
std::string read_file(const File& file, ByteSize limit);
/// The whole content of a file that is at most `limit` long; resource_exhausted if it is longer.
std::string read_file(const std::filesystem::path& path, ByteSize limit);
/// The same; nullopt if there is no such file.
std::optional<std::string> read_file_if_exists(const std::filesystem::path& path, ByteSize limit);

/// Replaces the content of `path`: a reader sees the old or the new, whole, whatever crashes.
/// On an error the old content stays.
void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           unsigned permissions = 0644);

}  // namespace vmkit::os
