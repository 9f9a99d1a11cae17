// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <vmkit/ext4/reader.hpp>

namespace vmkit::rootfs {

struct DiskNode {
  ext4::Inode inode{};
  ext4::FileStatus status;

  std::uint32_t number() const { return static_cast<std::uint32_t>(inode); }
};

/// What a path is in two disks.
struct DiskPair {
  std::string path;  ///< Without a slash at its ends; "" is the root.
  std::optional<DiskNode> lower;
  std::optional<DiskNode> upper;
  /// Whether its folder is a folder in both, so that what is missing in the upper one was removed
  /// by itself.
  bool parents_stay = true;
};

/// Walks two trees at once: folders before what is in them, names in the order of their bytes, each
/// path once. What is in a folder of one disk counts for that one alone where the other has
/// something else there.
void walk_pairs(ext4::Reader& lower, ext4::Reader& upper,
                const std::function<void(const DiskPair&)>& visit);

}  // namespace vmkit::rootfs
