// SPDX-License-Identifier: Apache-2.0
// The first line is the user, up to an empty line follows a passwd file, then a group file.
#include "users.hpp"

#include <limits>

#include "fuzz/target.hpp"
#include "rpc_error.hpp"

namespace {

using vmkit::fuzz::require;

std::string_view cut(std::string_view& text, std::string_view separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + separator.size(), text.size()));
  return part;
}

const vmkit::fuzz::Target target("users", [](std::string_view input) {
  constexpr auto nobody = std::numeric_limits<std::uint32_t>::max();
  const std::string_view user = cut(input, "\n");
  const std::string_view passwd = cut(input, "\n\n");
  try {
    const auto ids = vmkit::guest::find_user(user, {}, passwd, input);
    require(ids.uid != nobody && ids.gid != nobody, "-1 is nobody's number");
    require(ids.groups.size() <= 1024, "the groups are bounded");
    for (const auto group : ids.groups) require(group != nobody, "-1 is no group's number");
    require(!ids.home.empty(), "there is always a home");
    const auto by_number = vmkit::guest::find_user(
        std::to_string(ids.uid) + ':' + std::to_string(ids.gid), {}, {}, {});
    require(by_number.uid == ids.uid && by_number.gid == ids.gid, "numbers need no files");
  } catch (const vmkit::guest::RpcError& error) {
    require(error.code == vmkit::agent::protocol::bad_user, "only documented errors");
  }
});

}  // namespace
