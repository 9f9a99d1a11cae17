// SPDX-License-Identifier: Apache-2.0
#include "rootfs/member_name.hpp"

#include <algorithm>

#include <vmkit/base/error.hpp>

namespace vmkit::rootfs {
namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view metadata_prefix = ".wh..wh.";
constexpr std::string_view opaque_name = ".wh..wh..opq";
constexpr std::size_t longest_component = 255;
constexpr std::size_t longest_name = 4095;

[[noreturn]] void refuse(std::string_view name, const char* why) {
  throw Error(Errc::data_corruption, "member " + printable(name) + ": " + why);
}

}  // namespace

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    const std::size_t length = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, length);
    if (!component.empty() && component != ".") components.push_back(component);
    path.remove_prefix(std::min(length + 1, path.size()));
  }
  return components;
}

std::string printable(std::string_view name) {
  std::string text = "\"";
  for (const char c : name.substr(0, 256)) {
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  if (name.size() > 256) text += "...";
  return text + "\"";
}

MemberName parse_member_name(std::string_view name) {
  if (name.empty()) refuse(name, "an empty name");
  if (name.size() > longest_name) refuse(name, "a name longer than 4095 bytes");
  MemberName result;
  for (const std::string_view component : split_path(name)) {
    if (component != "..") {
      result.parent.push_back(component);
    } else if (!result.parent.empty()) {
      result.parent.pop_back();
    }
  }
  for (const std::string_view component : result.parent) {
    if (component.size() > longest_component) {
      refuse(name, "a component longer than 255 bytes");
    }
  }
  if (result.parent.empty()) return result;
  result.base = result.parent.back();
  result.parent.pop_back();

  for (const std::string_view component : result.parent) {
    if (component.starts_with(metadata_prefix)) result.kind = MemberKind::metadata;
  }
  if (result.kind == MemberKind::metadata) return result;
  for (const std::string_view component : result.parent) {
    if (component.starts_with(whiteout_prefix)) refuse(name, "a whiteout has nothing below it");
  }
  if (result.base == opaque_name) {
    result.kind = MemberKind::opaque;
  } else if (result.base.starts_with(metadata_prefix)) {
    result.kind = MemberKind::metadata;
  } else if (result.base.starts_with(whiteout_prefix)) {
    result.kind = MemberKind::whiteout;
    result.base.remove_prefix(whiteout_prefix.size());
    if (result.base.empty() || result.base == "." || result.base == "..") {
      refuse(name, "a whiteout of no name");
    }
  }
  return result;
}

}  // namespace vmkit::rootfs
