// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit {

void CallOptions::check(std::string_view what) const {
  if (stop.stop_requested()) throw Error(Errc::cancelled, std::string(what) + ": cancelled");
  if (deadline && std::chrono::steady_clock::now() >= *deadline) {
    throw Error(Errc::timeout, std::string(what) + ": not finished before its deadline");
  }
}

std::chrono::steady_clock::duration CallOptions::remaining(
    std::chrono::steady_clock::duration at_most) const {
  using Duration = std::chrono::steady_clock::duration;
  if (!deadline) return at_most;
  return std::clamp(*deadline - std::chrono::steady_clock::now(), Duration::zero(), at_most);
}

CallOptions CallOptions::with_timeout(std::chrono::steady_clock::duration limit) const {
  CallOptions result = *this;
  const auto end = std::chrono::steady_clock::now() + limit;
  if (!result.deadline || end < *result.deadline) result.deadline = end;
  return result;
}

}  // namespace vmkit
