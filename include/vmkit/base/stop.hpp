// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace vmkit {

namespace detail {
class StopState;
}

/// The asking side of cancellation sees only this: has a stop been requested? A default-made token
/// never stops. Thread-safe; cheap to copy. (std::stop_token is not in every library we build
/// with.)
class StopToken {
 public:
  StopToken() = default;

  bool stop_requested() const noexcept;
  /// False when no stop can ever be requested, so that nobody needs to watch.
  bool stop_possible() const noexcept { return state_ != nullptr; }

  /// Sleeps for `duration` or until a stop is requested; true if one is.
  bool wait_for(std::chrono::steady_clock::duration duration) const;

 private:
  friend class StopSource;
  friend class StopCallback;
  explicit StopToken(std::shared_ptr<detail::StopState> state) : state_(std::move(state)) {}

  std::shared_ptr<detail::StopState> state_;
};

/// The host's side: requests the stop, once and for good. Thread-safe; copies are the same source.
class StopSource {
 public:
  StopSource();

  StopToken token() const { return StopToken(state_); }
  bool stop_requested() const noexcept { return token().stop_requested(); }

  /// Runs the registered callbacks in this thread, then returns. Not for signal handlers: let
  /// the handler wake a thread that calls this.
  void request_stop() noexcept;

 private:
  std::shared_ptr<detail::StopState> state_;
};

/// While it lives, `callback` runs when a stop is requested (at once, if one already was), in the
/// thread that requests it. The callback must not throw. The destructor waits until a callback
/// that is running in another thread has returned.
class StopCallback {
 public:
  StopCallback(const StopToken& token, std::function<void()> callback);
  ~StopCallback();
  StopCallback(const StopCallback&) = delete;
  StopCallback& operator=(const StopCallback&) = delete;

 private:
  friend class detail::StopState;

  std::shared_ptr<detail::StopState> state_;
  std::function<void()> callback_;
};

}  // namespace vmkit
