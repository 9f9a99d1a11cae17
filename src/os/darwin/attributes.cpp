// SPDX-License-Identifier: Apache-2.0
#include "os/attributes.hpp"

#include <cerrno>
#include <sys/types.h>
#include <sys/xattr.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

std::vector<ExtendedAttribute> read_attributes(int fd) {
  std::vector<ExtendedAttribute> result;
  const ssize_t length = ::flistxattr(fd, nullptr, 0, 0);
  if (length < 0 && errno != ENOTSUP && errno != EPERM) {
    throw Error::from_errno(errno, "read extended attributes");
  }
  if (length <= 0) return result;
  std::string names(static_cast<std::size_t>(length), '\0');
  const ssize_t listed = ::flistxattr(fd, names.data(), names.size(), 0);
  names.resize(listed < 0 ? 0 : static_cast<std::size_t>(listed));
  for (std::size_t at = 0; at < names.size();) {
    ExtendedAttribute attribute;
    attribute.name = names.c_str() + at;
    at += attribute.name.size() + 1;
    const ssize_t size = ::fgetxattr(fd, attribute.name.c_str(), nullptr, 0, 0, 0);
    if (size < 0) continue;
    attribute.value.resize(static_cast<std::size_t>(size));
    const ssize_t read = ::fgetxattr(fd, attribute.name.c_str(), attribute.value.data(),
                                     attribute.value.size(), 0, 0);
    if (read != size) continue;
    result.push_back(std::move(attribute));
  }
  return result;
}

// There are no calls for names relative to a folder, and no /proc to make a path of one.
std::vector<ExtendedAttribute> read_attributes(int, const std::string&) {
  return {};
}

int write_attribute(int fd, const ExtendedAttribute& attribute) noexcept {
  return ::fsetxattr(fd, attribute.name.c_str(), attribute.value.data(), attribute.value.size(), 0,
                     0) == 0
             ? 0
             : errno;
}

int write_attribute(int, const std::string&, const ExtendedAttribute&) {
  return ENOTSUP;
}

timespec modification_time(const struct stat& status) noexcept {
  return status.st_mtimespec;
}
timespec access_time(const struct stat& status) noexcept {
  return status.st_atimespec;
}

DeviceNumber device_number(dev_t device) noexcept {
  return {static_cast<std::uint32_t>(major(device)), static_cast<std::uint32_t>(minor(device))};
}
dev_t make_device(DeviceNumber number) noexcept {
  return static_cast<dev_t>(makedev(number.major, number.minor));
}

bool is_kernel_file_system(int) noexcept {
  return false;  // /dev is all there is, and that has files
}

}  // namespace vmkit::os
