// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <string>
#include <string_view>

#include <vmkit/base/error.hpp>

namespace vmkit::agent::tree {

/// Error::from_errno for calls that change files: what is in the way there, the caller can put
/// right.
inline Error path_error(int errno_value, std::string_view what) {
  const Error error = Error::from_errno(errno_value, what);
  if (errno_value != ENOTDIR && errno_value != EISDIR && errno_value != ENOTEMPTY) return error;
  return Error(Errc::failed_precondition, error.what(), error.native());
}

/// Names and words of a stranger as they can be shown: no control characters, which a terminal
/// would obey, and not without end.
inline std::string printable(std::string text, std::size_t most = 300) {
  if (text.size() > most) text.replace(most, std::string::npos, "…");
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return text;
}

/// A path for a message.
inline std::string shown(const std::string& path) {
  return "\"" + printable(path.empty() ? "." : path) + "\"";
}

/// The same for "WHAT PATH".
[[noreturn]] inline void fail_path(int errno_value, const std::string& what,
                                   const std::string& path) {
  throw path_error(errno_value, what + " " + shown(path));
}

}  // namespace vmkit::agent::tree
