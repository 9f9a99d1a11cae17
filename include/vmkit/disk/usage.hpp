// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>

namespace vmkit::disk {

/// What one disk takes of its file system.
struct DiskUsage {
  std::filesystem::path path;
  ByteSize size;       ///< Of the image, holes included.
  ByteSize exclusive;  ///< Only this disk has it: what removing the disk gives back.
  ByteSize shared;     ///< Others have it too, those looked at or, where the system tells, any.
  ByteSize added;      ///< What it takes beyond the disks before it in the list.
};

/// What a set of disks takes, each and together.
struct UsageReport {
  std::vector<DiskUsage> disks;  ///< In the order asked for.
  /// What all of them take together: what several have counts once. (Adding up st_blocks counts
  /// it again for each clone.)
  ByteSize total;
};

/// What disks take, from their extents (FIEMAP on Linux, F_LOG2PHYS_EXT on macOS). Two paths of one
/// file are one disk with two names: each shares all with the other.
///
/// Linux says of an extent whether any other file shares it; macOS does not, so that there only
/// sharing among the disks given is seen. On btrfs, compressed data counts with its uncompressed
/// length. Data that was just written is flushed first, as without it has no place. Takes
/// O(n log n) time for n extents in all, and 32 bytes of memory for each.
///
/// Errors: not_found, permission_denied, invalid_argument (no regular file); cancelled, timeout.
UsageReport usage(std::span<const std::filesystem::path> disks, const CallOptions& options = {});

}  // namespace vmkit::disk
