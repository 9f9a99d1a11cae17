// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <string_view>
#include <sys/xattr.h>

#include <vmkit/base/error.hpp>
#include <vmkit/disk/backup.hpp>

namespace vmkit::disk {
namespace {

/// The string "com.apple.backupd" as a binary property list: header, the one object, the table of
/// objects' offsets, and a trailer with the sizes of its numbers, the count of objects, which is
/// the top one, and where the table starts.
std::string_view exclusion() {
  using namespace std::string_view_literals;
  return "bplist00"
         "\x5f\x10\x11"
         "com.apple.backupd"
         "\x08"
         "\0\0\0\0\0\0\x01\x01"
         "\0\0\0\0\0\0\0\x01"
         "\0\0\0\0\0\0\0\0"
         "\0\0\0\0\0\0\0\x1c"sv;
}

}  // namespace

bool exclude_from_backup(const std::filesystem::path& path) {
  const std::string_view value = exclusion();
  if (::setxattr(path.c_str(), "com.apple.metadata:com_apple_backup_excludeItem", value.data(),
                 value.size(), 0, XATTR_NOFOLLOW) != 0) {
    throw Error::from_errno(errno, "exclude " + path.string() + " from backups");
  }
  return true;
}

}  // namespace vmkit::disk
