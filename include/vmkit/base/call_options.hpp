// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <vmkit/base/progress.hpp>
#include <vmkit/base/stop.hpp>

namespace vmkit {

/// What every call that may take long accepts as its last parameter. Such calls block; the host
/// chooses the thread. A stopped or late call ends with Errc::cancelled or Errc::timeout and with
/// the same failure guarantee as any other error.
struct CallOptions {
  StopToken stop = {};
  ProgressCallback progress = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = {};

  /// Throws Error cancelled or timeout, naming `what`, if the call must not go on.
  void check(std::string_view what) const;

  /// Time left until the deadline, never negative, and never more than `at_most`: how long a
  /// single wait may be.
  std::chrono::steady_clock::duration remaining(std::chrono::steady_clock::duration at_most) const;

  /// The same options with the deadline `limit` from now, unless they have an earlier one.
  CallOptions with_timeout(std::chrono::steady_clock::duration limit) const;
};

}  // namespace vmkit
