// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// The numbers of docs/formats/file-transfer.md.
namespace vmkit::agent::tree {

inline constexpr std::string_view stream_magic = "vmktree1";

/// A record: its type, the length of what follows in three bytes, and that.
inline constexpr std::size_t record_header = 4;
inline constexpr std::size_t max_record = 132 * 1024;
inline constexpr std::size_t max_data = 128 * 1024;

enum class Record : std::uint8_t {
  entry = 'E',
  xattr = 'X',
  data = 'D',
  leave = 'L',
  notice = 'N',
  end = 'Z',
};

inline constexpr std::size_t entry_fixed_size = 56;
inline constexpr std::size_t max_name = 255;
inline constexpr std::size_t max_target = 4096;
inline constexpr std::size_t max_depth = 256;
inline constexpr std::size_t max_xattr_value = 64 * 1024;
inline constexpr std::size_t max_xattr_bytes = 1024 * 1024;  // of one entry, names included
inline constexpr std::size_t max_notices = 1000;
inline constexpr std::size_t max_notice_path = 4096;
inline constexpr std::size_t max_notice_text = 1024;
inline constexpr std::uint64_t max_file_size = (std::uint64_t{1} << 63) - 1;

/// A part of a path that names something below a folder and nothing else.
inline bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name && name != "." && name != ".." &&
         name.find('/') == name.npos && name.find('\0') == name.npos;
}

/// Names with '/' between them.
inline bool is_relative_path(std::string_view path) {
  if (path.size() >= max_depth * (max_name + 1)) return false;
  for (std::size_t depth = 0; depth <= max_depth; ++depth) {
    const auto end = path.find('/');
    if (!is_name(path.substr(0, end))) return false;
    if (end == path.npos) return true;
    path.remove_prefix(end + 1);
  }
  return false;
}

/// What comes before the last '/'; empty if there is none.
inline std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

/// What comes after the last '/'.
inline std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace vmkit::agent::tree
