// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {

/// What a caller waits for while other threads do it. Thread-safe.
class Request {
 public:
  /// The first call counts.
  void finish(std::optional<Error> error);

  /// Returns when it is finished, or throws its error, cancelled, or timeout: at the deadline, or
  /// after `limit`.
  void wait(std::string_view what, std::chrono::milliseconds limit, const CallOptions& options);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool finished_ = false;
  std::optional<Error> error_;
};

/// Shared by all who may yet finish a request: when the last of them is gone without having done
/// so, it fails with `otherwise`.
std::shared_ptr<Request> make_request_handle(std::shared_ptr<Request> request, Error otherwise);

}  // namespace vmkit::vm::vz
