// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace vmkit {

/// What went wrong, as a host application can act on it. The numbers are stable.
///
/// Choosing one: ask what the caller can do. Change the call: invalid_argument. Name something
/// else: not_found, already_exists. Get rights: permission_denied, unauthenticated. Bring the
/// object into another state first: failed_precondition. Use another host or feature: unsupported.
/// Try again later: unavailable, timeout. Nothing, it asked for this: cancelled. Free or raise
/// something: resource_exhausted. Fetch the data again: data_corruption. The rest is the
/// operating system's (io) or our own mistake (internal).
enum class Errc : int {
  invalid_argument = 1,     ///< The input of the call is wrong in itself.
  not_found = 2,            ///< The named thing does not exist.
  already_exists = 3,       ///< The named thing exists and would be overwritten.
  permission_denied = 4,    ///< Known, but not allowed (EACCES, HTTP 403).
  unauthenticated = 5,      ///< Credentials are missing or were refused (HTTP 401).
  failed_precondition = 6,  ///< The object is in a state that does not allow the call.
  unsupported = 7,          ///< This host, build or peer cannot do it; the message says why.
  unavailable = 8,          ///< A peer is not there now; a later try may work.
  timeout = 9,              ///< A deadline or a watchdog ended the call.
  cancelled = 10,           ///< The caller's StopToken ended the call.
  resource_exhausted = 11,  ///< Disk, memory, descriptors or a limit set by the caller ran out.
  data_corruption = 12,     ///< Bytes contradict their digest, size, format or checksum.
  io = 13,                  ///< The operating system failed a read, write or other call.
  internal = 14,            ///< A mistake inside vmkit: please report it.
};

/// The name of `code` as it is spelt in C++, for example "not_found".
std::string_view to_string(Errc code) noexcept;

/// Whose numbers NativeError::code are.
enum class ErrorDomain { posix, http, curl, openssl, libarchive, vz, qmp };

std::string_view to_string(ErrorDomain domain) noexcept;

/// The number that a lower layer gave, for example {posix, ENOSPC} or {http, 404}.
struct NativeError {
  ErrorDomain domain;
  std::int64_t code;

  friend bool operator==(const NativeError&, const NativeError&) = default;
};

/// The one exception class of vmkit: tell errors apart by code(), not by type.
///
/// Messages are lower case, name the thing (path, digest, reference), say what was expected and
/// found and, where there is one, the way out; they never hold a secret. Thread-compatible;
/// copying shares the text and never throws.
class Error : public std::exception {
 public:
  Error(Errc code, std::string message, std::optional<NativeError> native = std::nullopt);
  Error(const Error&) noexcept = default;
  Error& operator=(const Error&) noexcept = default;
  ~Error() override;  // out of line: one vtable, so that the type is caught across libraries

  /// The error for `errno_value` (a value of errno): the fitting Errc, and "`what`: `strerror`".
  static Error from_errno(int errno_value, std::string_view what);

  Errc code() const noexcept { return code_; }
  std::optional<NativeError> native() const noexcept { return native_; }

  /// The message with the context that was added on the way up, outermost first.
  const char* what() const noexcept override;

  /// The same error with "`context`: " before its message. For use on the way up:
  /// `catch (const Error& error) { throw error.with_context("layer sha256:…"); }`.
  Error with_context(std::string_view context) const;

 private:
  Errc code_;
  std::optional<NativeError> native_;
  std::shared_ptr<const std::string> message_;
};

}  // namespace vmkit
