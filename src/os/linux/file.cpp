// SPDX-License-Identifier: Apache-2.0
#include "os/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/falloc.h>
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
          .modified = since_epoch(status.st_mtim),
          .changed = since_epoch(status.st_ctim)};
}

bool File::try_punch_hole(std::uint64_t offset, std::uint64_t length) {
  while (::fallocate(fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                     static_cast<off_t>(length)) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOSYS) return false;
    if (errno != EINTR) throw Error::from_errno(errno, "punch a hole in " + path_.string());
  }
  return true;
}

void File::start_writeback(std::uint64_t offset, std::uint64_t length) noexcept {
  ::sync_file_range(fd(), static_cast<off_t>(offset), static_cast<off_t>(length),
                    SYNC_FILE_RANGE_WRITE);
}

void File::sync() {
  if (::fsync(fd()) != 0) throw Error::from_errno(errno, "sync " + path_.string());
}

}  // namespace vmkit::os
