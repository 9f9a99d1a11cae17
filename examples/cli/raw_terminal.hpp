// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <optional>
#include <termios.h>
#include <thread>

#include <vmkit/agent/process.hpp>

namespace cli {

/// The size of the terminal that our input is; nothing if it is none.
std::optional<vmkit::agent::TerminalSize> terminal_size();

/// While it lives our terminal gives every key to the process, and the process is told when its
/// size changes.
class RawTerminal {
 public:
  explicit RawTerminal(vmkit::agent::Process& process);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  std::atomic<bool> done_{false};
  std::thread watch_;
};

}  // namespace cli
