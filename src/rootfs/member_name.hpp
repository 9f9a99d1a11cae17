// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmkit::rootfs {

/// What a tar member's name says in a layer.
enum class MemberKind {
  plain,     ///< Something to create at `parent`/`base`; at the root if `base` is empty.
  whiteout,  ///< `parent`/`base` of lower layers is gone.
  opaque,    ///< All that lower layers have in `parent` is gone.
  metadata,  ///< Bookkeeping of AUFS, to be skipped.
};

/// A member's name cleaned: absolute and relative names start at the root, "." and double slashes
/// vanish, ".." takes back one component of the name and stops at the root. The views point into
/// the name.
struct MemberName {
  MemberKind kind = MemberKind::plain;
  std::vector<std::string_view> parent;
  std::string_view base;
};

/// Throws data_corruption for names longer than Linux takes (255 bytes a component, 4095 in all)
/// and for those that the image specification reserves.
MemberName parse_member_name(std::string_view name);

/// The components of a path, without "." and empty ones, and with "..".
std::vector<std::string_view> split_path(std::string_view path);

/// A name for messages: shortened, and without bytes that a terminal would obey.
std::string printable(std::string_view name);

}  // namespace vmkit::rootfs
