// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <string_view>

#include <vmkit/base/call_options.hpp>

namespace vmkit::agent {

/// Waits that a stop request or a deadline ends with an Error. Make it before `mutex` is locked:
/// the stop's callback locks it.
class StoppableWait {
 public:
  StoppableWait(std::mutex& mutex, std::condition_variable& condition, const CallOptions& options,
                std::string_view what)
      : condition_(condition), options_(options), what_(what), wake_(options.stop, [&] {
          { const std::lock_guard lock(mutex); }
          condition.notify_all();
        }) {}

  /// One wait; may return early. Throws cancelled or timeout.
  void wait(std::unique_lock<std::mutex>& lock) {
    options_.check(what_);
    if (options_.deadline) {
      condition_.wait_until(lock, *options_.deadline);
    } else {
      condition_.wait(lock);
    }
  }

 private:
  std::condition_variable& condition_;
  const CallOptions& options_;
  std::string_view what_;
  StopCallback wake_;
};

}  // namespace vmkit::agent
