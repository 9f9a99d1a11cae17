// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/tree/build.hpp"

namespace vmkit::agent::tree {

/// Gives an open file or folder the owner, extended attributes, permissions and times of `entry`,
/// as far as the rules allow; what cannot be kept becomes a notice.
void apply_attributes(int fd, const TreeEntry& entry, const BuildRules& rules,
                      CopyNotices& notices);
/// The same for what cannot be opened: a symlink, a device, a fifo.
void apply_attributes(int folder, const std::string& name, const TreeEntry& entry,
                      const BuildRules& rules, CopyNotices& notices);

/// Makes a device or a fifo; false with errno.
bool make_node(int folder, const std::string& name, const TreeEntry& entry);

}  // namespace vmkit::agent::tree
