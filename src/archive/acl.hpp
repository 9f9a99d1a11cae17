// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

struct archive_entry;

namespace vmkit::archive {

/// The POSIX ACL of an entry in the encoding of setxattr(2): version 2, then tag, permissions and
/// id of each entry, little endian. `type` is libarchive's ..._TYPE_ACCESS or ..._TYPE_DEFAULT.
/// nullopt if it has none, or names somebody without a number.
std::optional<std::string> encode_acl(::archive_entry* entry, int type);

}  // namespace vmkit::archive
