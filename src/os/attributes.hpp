// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <sys/stat.h>
#include <vector>

// What systems keep about files beyond POSIX, and where POSIX's own fields have other names.
namespace vmkit::os {

struct ExtendedAttribute {
  std::string name;   ///< As for setxattr(2): "user.x".
  std::string value;  ///< Any bytes.
};

/// The extended attributes of an open file; none where the file system has none. Throws Error.
std::vector<ExtendedAttribute> read_attributes(int fd);
/// The same of something that cannot be opened: a symlink, a device. None where the system cannot
/// tell.
std::vector<ExtendedAttribute> read_attributes(int folder, const std::string& name);

/// Sets one; returns 0 or the errno.
int write_attribute(int fd, const ExtendedAttribute& attribute) noexcept;
int write_attribute(int folder, const std::string& name, const ExtendedAttribute& attribute);

timespec modification_time(const struct stat& status) noexcept;
timespec access_time(const struct stat& status) noexcept;

struct DeviceNumber {
  std::uint32_t major;
  std::uint32_t minor;
};
DeviceNumber device_number(dev_t device) noexcept;
dev_t make_device(DeviceNumber number) noexcept;

/// The file system of `fd` shows what the kernel knows (procfs, sysfs, cgroups, …) rather than
/// files.
bool is_kernel_file_system(int fd) noexcept;

}  // namespace vmkit::os
