// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <poll.h>
#include <vector>

namespace vmkit::guest {

/// The descriptors and times that one round of the loop waits for, and who is told. Built anew for
/// each round from what everybody waits for at that time, so nothing has to be taken out again.
class PollSet {
 public:
  using Handler = std::function<void(short revents)>;

  /// `events` as poll has them; 0: only hang-up and errors.
  void add(int fd, short events, Handler handler);
  /// Tells `handler` (with no events) in the first round that ends at `when` or later.
  void add_timer(std::chrono::steady_clock::time_point when, Handler handler);
  void clear();

  /// Waits for at most `timeout_ms` (-1: for ever). False if a signal came instead. Throws
  /// std::runtime_error if the system cannot do it.
  bool wait(int timeout_ms);

  /// Tells everybody who has something to do, until `stop` is true. An earlier handler may have
  /// closed what a later one is about: each looks first whether it is still there.
  void dispatch(const bool& stop);

 private:
  std::vector<pollfd> polled_;
  std::vector<Handler> handlers_;
  struct Timer {
    std::chrono::steady_clock::time_point when;
    Handler handler;
  };
  std::vector<Timer> timers_;
};

}  // namespace vmkit::guest
