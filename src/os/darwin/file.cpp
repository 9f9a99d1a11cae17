// SPDX-License-Identifier: Apache-2.0
#include "os/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

FileStatus to_file_status(const struct stat& status) {
  const auto since_epoch = [](const timespec& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  return {.device = static_cast<std::uint64_t>(status.st_dev),
          .inode = static_cast<std::uint64_t>(status.st_ino),
          .size = static_cast<std::uint64_t>(status.st_size),
          .modified = since_epoch(status.st_mtimespec),
          .changed = since_epoch(status.st_ctimespec)};
}

bool File::try_punch_hole(std::uint64_t offset, std::uint64_t length) {
  // F_PUNCHHOLE takes whole blocks of the file system only; the rim is overwritten.
  constexpr std::uint64_t block = 4096;
  const std::uint64_t end = offset + length;
  const std::uint64_t first = (offset + block - 1) / block * block;
  const std::uint64_t last = end / block * block;
  if (first >= last) return false;
  fpunchhole_t hole{};
  hole.fp_offset = static_cast<off_t>(first);
  hole.fp_length = static_cast<off_t>(last - first);
  if (::fcntl(fd(), F_PUNCHHOLE, &hole) != 0) {
    if (errno == ENOTSUP || errno == EINVAL) return false;
    throw Error::from_errno(errno, "punch a hole in " + path_.string());
  }
  static constexpr std::array<std::byte, block> zeros{};
  write_at(offset, std::span(zeros).first(first - offset));
  write_at(last, std::span(zeros).first(end - last));
  return true;
}

void File::start_writeback(std::uint64_t, std::uint64_t) noexcept {
  // Nothing here does that without waiting.
}

void File::sync() {
  // fsync on macOS leaves the data in the drive's cache.
  if (::fcntl(fd(), F_FULLFSYNC) == 0) return;
  if (::fsync(fd()) != 0) throw Error::from_errno(errno, "sync " + path_.string());
}

}  // namespace vmkit::os
