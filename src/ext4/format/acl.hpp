// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmkit::ext4 {

/// POSIX ACLs have two encodings: that of the xattr system calls (version 2, every entry has an id)
/// and ext4's own on disk (version 1, only named users and groups have one). None: not such an ACL.
std::optional<std::string> acl_to_disk(std::string_view value);
std::optional<std::string> acl_from_disk(std::string_view value);

}  // namespace vmkit::ext4
