// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <termios.h>
#include <thread>

#include <vmkit/agent/process.hpp>

namespace cli {

/// The size of the terminal that our input is; nothing if it is none.
std::optional<vmkit::agent::TerminalSize> terminal_size();

/// While it lives our terminal gives every key to whoever reads it, and `resize` is told its size
/// at first and when that changes. What `resize` throws ends the watch.
class RawTerminal {
 public:
  explicit RawTerminal(std::function<void(vmkit::agent::TerminalSize)> resize);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  std::atomic<bool> done_{false};
  std::thread watch_;
};

}  // namespace cli
