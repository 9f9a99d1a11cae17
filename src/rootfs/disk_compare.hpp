// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "rootfs/disk_pair.hpp"

namespace vmkit::rootfs {

/// Says whether what two disks have is the same as far as a layer can tell. Confined.
class DiskCompare {
 public:
  /// Both must outlive it. `check` is called while files are read; what it throws ends the call.
  DiskCompare(ext4::Reader& lower, ext4::Reader& upper, bool upper_is_clone,
              std::function<void()> check);

  /// Owner, permissions, mtime, extended attributes.
  bool same_attributes(const DiskNode& lower, const DiskNode& upper);
  /// These, type and content: of anything but folders.
  bool same_file(const DiskNode& lower, const DiskNode& upper);

 private:
  bool same_blocks(const DiskNode& lower, const DiskNode& upper);
  bool same_content(const DiskNode& lower, const DiskNode& upper);

  ext4::Reader& lower_;
  ext4::Reader& upper_;
  bool upper_is_clone_;
  std::function<void()> check_;
  std::vector<std::byte> lower_buffer_;
  std::vector<std::byte> upper_buffer_;
};

}  // namespace vmkit::rootfs
