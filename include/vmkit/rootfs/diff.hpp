// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/ext4/reader.hpp>

namespace vmkit::rootfs {

/// How a difference is written.
struct DiffOptions {
  /// The upper disk is a clone of the lower one to which only kernels have written since: a file
  /// with the same inode number, times of modification and change, size and blocks is then taken as
  /// unchanged without being read. Without it the content of all files decides.
  bool upper_is_clone = false;
};

/// The layer that a difference became.
struct DiffResult {
  std::uint64_t written = 0;  ///< Entries for what is new or changed, and the folders they are in.
  std::uint64_t removed = 0;  ///< Whiteouts.
  ByteSize content = {};      ///< Of the files written, holes not counted.
  std::uint64_t skipped_sockets = 0;  ///< A layer cannot hold them.
};

/// Writes what is different in the disk `upper` from `lower` as an uncompressed layer of the OCI
/// image specification: applied to `lower` it gives `upper`, exactly but for access and change
/// times, sockets and what is unused.
///
/// A file counts as changed if its type, owner, permissions, mtime, device number, target, extended
/// attributes or content are; it is written whole then, holes kept. All names of one inode are
/// written if one of them is new or gone, the first as the file, others as hard links. What is gone
/// is a whiteout; no opaque markers are used. The folders on the way to any entry are written, too,
/// since appliers other than ours would change their times. Order and bytes depend on the two trees
/// alone. Empty /lost+found folders do not count.
///
/// Errors as export_tar(), and unsupported for a name that begins with ".wh.", which would be a
/// whiteout. Progress: phase "diff", no subject, bytes of content written.
DiffResult diff(ext4::Reader& lower, ext4::Reader& upper, Sink& layer,
                const DiffOptions& options = {}, const CallOptions& call_options = {});

}  // namespace vmkit::rootfs
