// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <thread>

#include <vmkit/base/stop.hpp>

namespace cli {

/// Turns Ctrl-C (SIGINT) and SIGTERM into a stop request, by a thread that waits for them: nothing
/// runs in a signal handler. Make it before any other thread. A second signal ends the program at
/// once.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  vmkit::StopToken token() const { return source_.token(); }
  /// The signal that came, 0 if none did.
  int signal() const { return signal_; }

 private:
  vmkit::StopSource source_;
  std::atomic<int> signal_{0};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace cli
