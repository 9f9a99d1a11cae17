// SPDX-License-Identifier: Apache-2.0
#include "os/clone_file.hpp"

#include <cerrno>
#include <sys/clonefile.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

bool try_clone_file(const File& source, const std::filesystem::path& target) {
  if (::clonefile(source.path().c_str(), target.c_str(), CLONE_NOFOLLOW) == 0) return true;
  if (errno == ENOTSUP || errno == EXDEV) return false;
  throw Error::from_errno(errno, "clone " + source.path().string() + " to " + target.string());
}

void copy_range(const File& source, File& target, std::uint64_t offset, std::uint64_t length) {
  copy_by_buffer(source, target, offset, length);
}

}  // namespace vmkit::os
