// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vmkit::guest {

/// Opens a path as the container sees it: symlinks and ".." are resolved below `root`, an open
/// folder, whatever changes meanwhile, and links of procfs are not followed. Returns a descriptor
/// (close-on-exec), or -1 with errno. `permissions` are those of a file that O_CREAT makes.
int open_in_root(int root, const std::string& path, int flags, unsigned permissions = 0);

}  // namespace vmkit::guest
