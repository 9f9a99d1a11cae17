// SPDX-License-Identifier: Apache-2.0
#include "os/clone_file.hpp"

#include <cerrno>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

bool try_clone_file(const File& source, const std::filesystem::path& target) {
  File file = File::open(target, File::Mode::create_new, 0600);
  if (::ioctl(file.fd(), FICLONE, source.fd()) == 0) return true;
  const int error = errno;
  ::unlink(target.c_str());
  if (error == EOPNOTSUPP || error == EXDEV || error == EINVAL || error == ENOTTY ||
      error == ENOSYS) {
    return false;
  }
  throw Error::from_errno(error, "clone " + source.path().string() + " to " + target.string());
}

void copy_range(const File& source, File& target, std::uint64_t offset, std::uint64_t length) {
  auto from = static_cast<off_t>(offset);
  auto to = from;
  while (length > 0) {
    const ssize_t count = ::copy_file_range(source.fd(), &from, target.fd(), &to, length, 0);
    if (count > 0) {
      length -= static_cast<std::uint64_t>(count);
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) {
      throw Error::from_errno(errno,
                              "copy " + source.path().string() + " to " + target.path().string());
    }
    break;  // not inside the kernel between these two
  }
  copy_by_buffer(source, target, static_cast<std::uint64_t>(from), length);
}

}  // namespace vmkit::os
