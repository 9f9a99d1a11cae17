// SPDX-License-Identifier: Apache-2.0
#include "os/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/atomic_file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {

File File::open(const std::filesystem::path& path, Mode mode, unsigned permissions,
                bool follow_symlink) {
  int flags = O_CLOEXEC | (mode == Mode::read ? O_RDONLY : O_RDWR);
  if (mode == Mode::create) flags |= O_CREAT;
  if (mode == Mode::create_new) flags |= O_CREAT | O_EXCL;
  if (!follow_symlink) flags |= O_NOFOLLOW;
  // Not O_NONBLOCK for good: only so that a fifo in the place of a file cannot block the open.
  const int fd = ::open(path.c_str(), flags | O_NONBLOCK, permissions);
  if (fd < 0 && errno == ELOOP && !follow_symlink) {
    throw Error(Errc::invalid_argument,
                path.string() + ": expected a regular file, found a symlink");
  }
  if (fd < 0) throw Error::from_errno(errno, "open " + path.string());
  File file(path, Descriptor(fd));
  struct stat status;
  if (::fstat(fd, &status) != 0) throw Error::from_errno(errno, "stat " + path.string());
  if (!S_ISREG(status.st_mode)) {
    throw Error(Errc::invalid_argument, path.string() + ": expected a regular file");
  }
  return file;
}

ByteSize File::size() const {
  struct stat status;
  if (::fstat(fd(), &status) != 0) throw Error::from_errno(errno, "stat " + path_.string());
  return ByteSize(static_cast<std::uint64_t>(status.st_size));
}

FileStatus File::status() const {
  struct stat status;
  if (::fstat(fd(), &status) != 0) throw Error::from_errno(errno, "stat " + path_.string());
  return to_file_status(status);
}

std::optional<FileStatus> regular_file_status(const std::filesystem::path& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error::from_errno(errno, "stat " + path.string());
  }
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return to_file_status(status);
}

std::size_t File::read_at(std::uint64_t offset, std::span<std::byte> buffer) const {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count = ::pread(fd(), buffer.data() + done, buffer.size() - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error::from_errno(errno, "read " + path_.string());
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

void File::write_at(std::uint64_t offset, std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t count = ::pwrite(fd(), data.data(), data.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error::from_errno(errno, "write " + path_.string());
    data = data.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void File::resize(ByteSize size) {
  while (::ftruncate(fd(), static_cast<off_t>(size.bytes())) != 0) {
    if (errno != EINTR) throw Error::from_errno(errno, "resize " + path_.string());
  }
}

void File::punch_hole(std::uint64_t offset, std::uint64_t length) {
  if (length == 0 || try_punch_hole(offset, length)) return;
  static constexpr std::array<std::byte, 65536> zeros{};
  while (length > 0) {
    const std::size_t count = std::min<std::uint64_t>(length, zeros.size());
    write_at(offset, std::span(zeros).first(count));
    offset += count;
    length -= count;
  }
}

std::string read_file(const std::filesystem::path& path, ByteSize limit) {
  return read_file(File::open(path, File::Mode::read), limit);
}

std::string read_file(const File& file, ByteSize limit) {
  std::string content;
  std::size_t length = 0;
  // Not by the size that stat told: files of /proc and /sys say 0.
  for (;;) {
    content.resize(length + std::max<std::size_t>(4096, length));
    const std::size_t room = content.size() - length;
    const std::size_t count =
        file.read_at(length, std::as_writable_bytes(std::span(content)).subspan(length));
    length += count;
    if (length > limit.bytes()) {
      throw Error(Errc::resource_exhausted,
                  file.path().string() + ": expected at most " + to_string(limit) + ", found more");
    }
    if (count < room) break;
  }
  content.resize(length);
  return content;
}

std::optional<std::string> read_file_if_exists(const std::filesystem::path& path, ByteSize limit) {
  try {
    return read_file(path, limit);
  } catch (const Error& error) {
    if (error.code() == Errc::not_found) return std::nullopt;
    throw;
  }
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           unsigned permissions) {
  AtomicFile file(path, permissions);
  file.file().write_at(0, std::as_bytes(std::span(content)));
  file.commit();
}

}  // namespace vmkit::os
