// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace vmkit::ext4 {

/// A point in time as ext4 stores it: seconds since 1970 (1901 to 2446), and nanoseconds. A time
/// that ext4 cannot hold becomes the nearest one that it can; so do those from April 2310 to April
/// 2378, whose bits e2fsck takes for a known mistake of old kernels.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;

  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

enum class FileType : std::uint8_t {
  regular,
  directory,
  symlink,
  character_device,
  block_device,
  fifo,
  socket,
};

/// The number of a device that a character or block special file stands for.
struct DeviceNumber {
  std::uint32_t major = 0;  ///< Below 4096.
  std::uint32_t minor = 0;  ///< Below 2^20.

  friend bool operator==(const DeviceNumber&, const DeviceNumber&) = default;
};

/// What stat(2) tells of an inode beyond its type, size and links.
struct Attributes {
  std::uint16_t permissions = 0;  ///< The low 12 bits of st_mode: set-uid, set-gid, sticky, rwx.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Timestamp mtime = {};
  Timestamp atime = {};
  Timestamp ctime = {};

  friend bool operator==(const Attributes&, const Attributes&) = default;
};

/// An extended attribute as the xattr system calls name it: "user.x", "security.capability",
/// "system.posix_acl_access" (its value in the encoding of the system call). Any bytes as value.
struct Xattr {
  std::string name;
  std::string value;

  friend auto operator<=>(const Xattr&, const Xattr&) = default;
};

/// What becomes of a symlink that is the last component of a path.
enum class LastSymlink { follow, keep };

/// Names one inode of one Filesystem, from the call that returned it until the inode's last name is
/// removed.
enum class Inode : std::uint32_t {};

}  // namespace vmkit::ext4
