// SPDX-License-Identifier: Apache-2.0
#include "os/wait.hpp"

#include <cerrno>
#include <chrono>
#include <optional>
#include <poll.h>
#include <string>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

WakePipe::WakePipe() : pipe_(make_pipe()) {
  set_nonblocking(pipe_.first.get());
  set_nonblocking(pipe_.second.get());
}

void WakePipe::wake() noexcept {
  // A full pipe is readable already, so a failed write loses nothing.
  [[maybe_unused]] const auto written = ::write(pipe_.second.get(), "", 1);
}

void WakePipe::clear() noexcept {
  char buffer[64];
  while (::read(pipe_.first.get(), buffer, sizeof buffer) > 0) {
  }
}

void wait_ready(int fd, Direction direction, std::string_view what, const CallOptions& options) {
  options.check(what);
  std::optional<WakePipe> wake;
  std::optional<StopCallback> on_stop;
  if (options.stop.stop_possible()) {
    wake.emplace();
    on_stop.emplace(options.stop, [&] { wake->wake(); });
  }
  for (;;) {
    pollfd fds[2] = {{fd, static_cast<short>(direction == Direction::read ? POLLIN : POLLOUT), 0},
                     {wake ? wake->fd() : -1, POLLIN, 0}};
    const auto limit = options.remaining(std::chrono::hours(1));
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    const int ready = ::poll(fds, 2, static_cast<int>(milliseconds));
    if (ready < 0 && errno != EINTR) throw Error::from_errno(errno, what);
    if (ready > 0 && fds[0].revents != 0) return;
    options.check(what);
  }
}

}  // namespace vmkit::os
