// SPDX-License-Identifier: Apache-2.0
#include "terminal/raw_terminal.hpp"

#include <chrono>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace cli {

using namespace vmkit;

std::optional<agent::TerminalSize> terminal_size() {
  winsize size{};
  if (::isatty(STDIN_FILENO) != 1 || ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0) {
    return std::nullopt;
  }
  return agent::TerminalSize{size.ws_row, size.ws_col};
}

RawTerminal::RawTerminal(std::function<void(agent::TerminalSize)> resize) {
  ::tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  ::cfmakeraw(&raw);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  // Looked at now and then: SIGWINCH would have to be blocked in every thread there is.
  watch_ = std::thread(
      [this, resize = std::move(resize), last = std::optional<agent::TerminalSize>()]() mutable {
        for (; !done_; std::this_thread::sleep_for(std::chrono::milliseconds(50))) {
          const auto now = terminal_size();
          if (!now || now == last) continue;
          last = now;
          try {
            resize(*now);
          } catch (const Error&) {
            return;  // it has ended
          }
        }
      });
}

RawTerminal::~RawTerminal() {
  done_ = true;
  watch_.join();
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

}  // namespace cli
