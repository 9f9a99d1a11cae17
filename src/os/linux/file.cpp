// SPDX-License-Identifier: Apache-2.0
#include "os/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

bool File::try_punch_hole(std::uint64_t offset, std::uint64_t length) {
  while (::fallocate(fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                     static_cast<off_t>(length)) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOSYS) return false;
    if (errno != EINTR) throw Error::from_errno(errno, "punch a hole in " + path_.string());
  }
  return true;
}

void File::start_writeback() noexcept {
  ::sync_file_range(fd(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

void File::sync() {
  if (::fsync(fd()) != 0) throw Error::from_errno(errno, "sync " + path_.string());
}

}  // namespace vmkit::os
