// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/base/byte_size.hpp>

namespace vmkit::agent {

enum class MountType {
  disk,      ///< A virtio block device, found by its serial number.
  virtiofs,  ///< A shared folder, found by its tag.
  plan9,     ///< The same over 9p.
  tmpfs,
  bind,  ///< A path that is in the container already, under another one.
  file,  ///< A file in memory with `source` as its content, at most 64 KiB.
};

/// Something mounted into the container besides its root and what every container has. Mounts are
/// made in the order of the depth of their targets, so that one can be within another; those of the
/// same depth in the order given. What is missing of a target is made in what is mounted there.
struct Mount {
  MountType type = MountType::disk;
  /// The serial, the tag, for a bind the path in the container, a file's content; of no use for a
  /// tmpfs.
  std::string source = {};
  /// Absolute, and resolved within the container's root: symbolic links cannot lead out of it.
  std::string target = {};
  /// A folder or a single file in the disk or share, to mount instead of all of it; resolved within
  /// it. The container sees nothing else of the source.
  std::string subpath = {};
  std::string fs_type = "ext4";  ///< Of a disk.
  bool read_only = false;
  bool nosuid = false;
  bool nodev = false;
  bool noexec = false;
  /// Of a tmpfs; nothing: half of the machine's memory.
  std::optional<ByteSize> size = {};
  /// Permissions of a tmpfs.
  std::uint32_t mode = 01777;
  /// More options for the file system, as mount(8) -o passes them on.
  std::string options = {};

  friend bool operator==(const Mount&, const Mount&) = default;
};

/// A writable layer over a root that is mounted read-only (overlayfs): what the container changes
/// goes there, and the root's disk stays as it is.
struct WritableLayer {
  /// A disk for it, by its serial number; empty: memory (a tmpfs).
  std::string serial = {};
  std::string fs_type = "ext4";
  /// How much of the memory it may take; nothing: half of it.
  std::optional<ByteSize> size = {};

  friend bool operator==(const WritableLayer&, const WritableLayer&) = default;
};

/// A device node to make in the container, and to allow there.
struct Device {
  enum class Type { character, block };

  std::string path;  ///< Absolute, as "/dev/fuse".
  Type type = Type::character;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t mode = 0666;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;

  friend bool operator==(const Device&, const Device&) = default;
};

}  // namespace vmkit::agent
