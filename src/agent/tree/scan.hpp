// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <sys/stat.h>

#include "os/descriptor.hpp"

#include <vmkit/agent/tree.hpp>

namespace vmkit::agent::tree {

/// Where a tree begins: found by its owner, by the rules that hold there.
struct ScanRoot {
  os::Descriptor fd;  ///< Open for reading if it is a folder or a regular file.
  struct stat status {};
  std::string link_target = {};  ///< If it is a symlink.
};

struct ScanOptions {
  unsigned depth = 0xffffffff;  ///< Folders deeper than this are not entered: 1 lists one folder.
  bool data = true;
  /// All extended attributes; otherwise those of users only ("user.").
  bool all_xattrs = false;
};

struct Scanned {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

/// Writes what is on this system's file system, from `root` on, without its end mark. Follows no
/// symlink and opens nothing but folders and regular files. What changes meanwhile is told by
/// notices, what cannot be read by an Error. `on_bytes` is called with the bytes of data as they
/// are written, now and then also with 0; what it throws ends the call.
Scanned scan(const ScanRoot& root, TreeWriter& writer, const ScanOptions& options,
             const std::function<void(std::uint64_t)>& on_bytes);

/// The entry of one file, without its path and attributes; a `status` is of the file itself.
TreeEntry describe(const struct stat& status);

}  // namespace vmkit::agent::tree
