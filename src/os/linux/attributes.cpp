// SPDX-License-Identifier: Apache-2.0
#include "os/attributes.hpp"

#include <cerrno>
#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

constexpr std::size_t first_guess = 256;

/// Calls `get(buffer, size)` with buffers that grow until the answer fits; nothing if there is
/// none.
template <class Get>
bool read_growing(std::string& into, Get get) {
  into.resize(first_guess);
  for (int tries = 0; tries < 8; ++tries) {
    const ssize_t size = get(into.data(), into.size());
    if (size >= 0) {
      into.resize(static_cast<std::size_t>(size));
      return true;
    }
    if (errno != ERANGE) break;
    const ssize_t needed = get(nullptr, 0);
    if (needed < 0) break;
    into.resize(static_cast<std::size_t>(needed) + first_guess);
  }
  if (errno == ENOTSUP || errno == ENODATA || errno == ERANGE || errno == EPERM) return false;
  throw Error::from_errno(errno, "read extended attributes");
}

template <class List, class Get>
std::vector<ExtendedAttribute> read_all(List list, Get get) {
  std::vector<ExtendedAttribute> result;
  std::string names;
  if (!read_growing(names, list)) return result;
  for (std::size_t at = 0; at < names.size();) {
    ExtendedAttribute attribute;
    attribute.name = names.c_str() + at;
    at += attribute.name.size() + 1;
    const auto read = [&](char* buffer, std::size_t size) {
      return get(attribute.name.c_str(), buffer, size);
    };
    if (read_growing(attribute.value, read)) result.push_back(std::move(attribute));
  }
  return result;
}

/// A path to something in an open folder: there are no calls for attributes relative to one.
std::string path_of(int folder, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(folder) + "/" + name;
}

}  // namespace

std::vector<ExtendedAttribute> read_attributes(int fd) {
  return read_all([&](char* buffer, std::size_t size) { return ::flistxattr(fd, buffer, size); },
                  [&](const char* name, char* buffer, std::size_t size) {
                    return ::fgetxattr(fd, name, buffer, size);
                  });
}

std::vector<ExtendedAttribute> read_attributes(int folder, const std::string& name) {
  const std::string path = path_of(folder, name);
  return read_all(
      [&](char* buffer, std::size_t size) { return ::llistxattr(path.c_str(), buffer, size); },
      [&](const char* attribute, char* buffer, std::size_t size) {
        return ::lgetxattr(path.c_str(), attribute, buffer, size);
      });
}

int write_attribute(int fd, const ExtendedAttribute& attribute) noexcept {
  return ::fsetxattr(fd, attribute.name.c_str(), attribute.value.data(), attribute.value.size(),
                     0) == 0
             ? 0
             : errno;
}

int write_attribute(int folder, const std::string& name, const ExtendedAttribute& attribute) {
  return ::lsetxattr(path_of(folder, name).c_str(), attribute.name.c_str(), attribute.value.data(),
                     attribute.value.size(), 0) == 0
             ? 0
             : errno;
}

timespec modification_time(const struct stat& status) noexcept {
  return status.st_mtim;
}
timespec access_time(const struct stat& status) noexcept {
  return status.st_atim;
}

DeviceNumber device_number(dev_t device) noexcept {
  return {major(device), minor(device)};
}
dev_t make_device(DeviceNumber number) noexcept {
  return makedev(number.major, number.minor);
}

bool is_kernel_file_system(int fd) noexcept {
  struct statfs status;
  if (::fstatfs(fd, &status) != 0) return false;
  switch (static_cast<unsigned long>(status.f_type)) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case BPF_FS_MAGIC:
    case PSTOREFS_MAGIC:
    case EFIVARFS_MAGIC:
      return true;
    default:
      return false;
  }
}

}  // namespace vmkit::os
