// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include <vmkit/base/stop.hpp>

namespace cli {

/// Turns Ctrl-C (SIGINT), SIGTERM and SIGHUP into a stop request, by a thread that waits for them:
/// nothing runs in a signal handler. Make it before any other thread. A second signal ends the
/// program at once.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  vmkit::StopToken token() const { return source_.token(); }
  /// The signal that came, 0 if none did.
  int signal() const { return signal_; }

  /// While it lives, signals are for somebody else: `handler` is told, in the thread that waits.
  class Forwarding {
   public:
    Forwarding(const Interrupt& interrupt, std::function<void(int)> handler);
    ~Forwarding();
    Forwarding(const Forwarding&) = delete;
    Forwarding& operator=(const Forwarding&) = delete;

   private:
    const Interrupt& interrupt_;
  };

 private:
  vmkit::StopSource source_;
  std::atomic<int> signal_{0};
  std::atomic<bool> done_{false};
  mutable std::mutex mutex_;  // guards `handler_`
  mutable std::function<void(int)> handler_;
  std::thread thread_;
};

}  // namespace cli
