// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/ext4/reader.hpp>

namespace vmkit::rootfs {

/// How a disk becomes an archive.
struct ExportOptions {
  /// Whether access and change times are written too. Archives for layers have mtimes only.
  bool all_times = true;
};

/// What an exported archive holds.
struct ExportResult {
  std::uint64_t entries = 0;
  ByteSize content = {};              ///< Of the files, holes not counted.
  std::uint64_t skipped_sockets = 0;  ///< A tar cannot hold them.
};

/// Writes all that is in a disk as a tar archive (pax), from which unpack(), containerd or GNU tar
/// make the same tree: owners, permissions, times to the nanosecond, extended attributes and ACLs,
/// devices, hard links, holes. Folders before what is in them, names in the order of their bytes;
/// the root is "./". The same tree gives the same bytes, wherever its blocks are. An empty
/// /lost+found is left out: it is the file system's own.
///
/// Errors: data_corruption from the disk (circles of folders, too); unsupported for
/// a path above 4095 bytes or an extended attribute that has a "=" in its name; cancelled, timeout;
/// what `target` throws. On an error the archive ends in the middle. Files are streamed; memory:
/// the names in the folders on the way to the present file, and the paths of those with several
/// names. Progress: phase "export", no subject, bytes of content.
ExportResult export_tar(ext4::Reader& disk, Sink& target, const ExportOptions& options = {},
                        const CallOptions& call_options = {});

}  // namespace vmkit::rootfs
