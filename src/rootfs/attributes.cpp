// SPDX-License-Identifier: Apache-2.0
#include "rootfs/attributes.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "rootfs/member_name.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::rootfs {
namespace {

ext4::Timestamp timestamp(const archive::Timestamp& time) {
  return {time.seconds, time.nanoseconds};  // ext4 takes the nearest time that it can hold
}

bool has_place(std::string_view name) {
  if (name == "system.posix_acl_access" || name == "system.posix_acl_default") return true;
  for (const std::string_view prefix : {"user.", "trusted.", "security."}) {
    if (name.starts_with(prefix) && name.size() > prefix.size() && name.size() <= 255) return true;
  }
  return false;
}

}  // namespace

ext4::Attributes attributes_of(const archive::TarEntry& entry) {
  const ext4::Timestamp mtime = timestamp(entry.mtime);
  return {.permissions = entry.permissions,
          .uid = entry.uid,
          .gid = entry.gid,
          .mtime = mtime,
          .atime = entry.atime ? timestamp(*entry.atime) : mtime,
          .ctime = entry.ctime ? timestamp(*entry.ctime) : mtime};
}

ext4::DeviceNumber device_of(const archive::TarEntry& entry) {
  if (entry.device_major >= 1U << 12 || entry.device_minor >= 1U << 20) {
    throw Error(Errc::data_corruption, "member " + printable(entry.path) + ": device number " +
                                           std::to_string(entry.device_major) + ":" +
                                           std::to_string(entry.device_minor) + " is out of range");
  }
  return {entry.device_major, entry.device_minor};
}

std::vector<ext4::Xattr> xattrs_of(const archive::TarEntry& entry, std::size_t& skipped) {
  std::vector<ext4::Xattr> xattrs;
  for (const archive::Xattr& xattr : entry.xattrs) {
    if (has_place(xattr.name)) xattrs.push_back({xattr.name, xattr.value});
  }
  skipped = entry.xattrs.size() - xattrs.size();
  return xattrs;
}

}  // namespace vmkit::rootfs
