// SPDX-License-Identifier: Apache-2.0
#include "users.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <grp.h>
#include <limits>
#include <optional>
#include <unistd.h>

#include "rpc_error.hpp"
#include "text.hpp"

namespace vmkit::guest {
namespace {

using agent::protocol::bad_user;

constexpr std::size_t max_supplementary_groups = 1024;

// The largest value means "no change" to the kernel, so it is nobody's number.
std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() ||
      value == std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return value;
}

struct Entry {
  std::string_view name;
  std::uint32_t id;
  std::string_view rest;  // after the id
};

// Calls `visit` for each "name:password:id:rest" until it returns true.
void for_each_line(std::string_view file, const std::function<bool(const Entry&)>& visit) {
  while (!file.empty()) {
    std::string_view line = cut(file, '\n');
    if (line.empty() || line[0] == '#') continue;
    const std::string_view name = cut(line, ':');
    cut(line, ':');
    if (const auto id = number(cut(line, ':')); id && visit({name, *id, line})) return;
  }
}

std::optional<Entry> find(std::string_view file, std::string_view name_or_number) {
  std::optional<Entry> by_name;
  std::optional<Entry> by_number;
  const auto wanted = number(name_or_number);
  for_each_line(file, [&](const Entry& entry) {
    if (entry.name == name_or_number) by_name = entry;
    if (!by_number && wanted == entry.id) by_number = entry;
    return by_name.has_value();
  });
  return by_name ? by_name : by_number;
}

bool lists(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    if (cut(members, ',') == name) return true;
  }
  return false;
}

/// With the number that getpwnam(3) has for it; the text needs none of its words.
[[noreturn]] void throw_unknown(const std::string& what) {
  RpcError error(bad_user, what);
  error.errno_value = ENOENT;
  throw error;
}

gid_t find_group(std::string_view name, std::string_view file) {
  if (const auto entry = find(file, name)) return entry->id;
  if (const auto id = number(name)) return *id;
  throw_unknown("group \"" + std::string(name) +
                "\" is not in the image's /etc/group, and is no number");
}

}  // namespace

UserIds find_user(std::string_view user, const std::vector<std::string>& groups,
                  std::string_view passwd, std::string_view group) {
  std::string_view group_part = user;
  const std::string_view user_part = cut(group_part, ':');
  UserIds ids;
  std::string_view name;
  if (const auto entry = find(passwd, user_part)) {
    name = entry->name;
    ids.uid = entry->id;
    std::string_view rest = entry->rest;  // gid:comment:home:shell
    ids.gid = number(cut(rest, ':')).value_or(0);
    cut(rest, ':');
    if (const std::string_view home = cut(rest, ':'); !home.empty()) ids.home = home;
  } else if (const auto uid = number(user_part)) {
    ids.uid = *uid;
  } else {
    throw_unknown("user \"" + std::string(user_part) +
                  "\" is not in the image's /etc/passwd, and is no number");
  }
  if (!group_part.empty()) {
    ids.gid = find_group(group_part, group);
  } else if (!name.empty()) {
    for_each_line(group, [&](const Entry& entry) {
      if (lists(entry.rest, name)) ids.groups.push_back(entry.id);
      return ids.groups.size() >= max_supplementary_groups;
    });
  }
  for (const std::string& extra : groups) {
    const gid_t id = find_group(extra, group);
    if (std::find(ids.groups.begin(), ids.groups.end(), id) == ids.groups.end()) {
      ids.groups.push_back(id);
    }
  }
  return ids;
}

void become(const UserIds& ids) {
  if (::setgroups(ids.groups.size(), ids.groups.data()) != 0 || ::setgid(ids.gid) != 0 ||
      ::setuid(ids.uid) != 0) {
    throw RpcError(
        bad_user,
        "cannot become user " + std::to_string(ids.uid) + ", group " + std::to_string(ids.gid),
        errno);
  }
}

}  // namespace vmkit::guest
