// SPDX-License-Identifier: Apache-2.0
#include "terminal/standard_streams.hpp"

#include <algorithm>
#include <cerrno>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

void wait_ready(int fd, short events, const vmkit::StopToken& stop) {
  for (;;) {
    pollfd descriptor{fd, events, 0};
    if (::poll(&descriptor, 1, 50) > 0) return;
    if (stop.stop_requested()) throw vmkit::Error(vmkit::Errc::cancelled, "cancelled");
  }
}

}  // namespace

std::size_t StandardInput::read(std::span<std::byte> buffer) {
  for (;;) {
    wait_ready(STDIN_FILENO, POLLIN, stop_);
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) throw vmkit::Error::from_errno(errno, "read our input");
  }
}

void StandardOutput::write(std::span<const std::byte> data) {
  while (!data.empty()) {
    wait_ready(STDOUT_FILENO, POLLOUT, stop_);
    // A pipe that is ready takes so much without blocking, and not always more.
    const ssize_t count =
        ::write(STDOUT_FILENO, data.data(), std::min<std::size_t>(data.size(), PIPE_BUF));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw vmkit::Error::from_errno(errno, "write to our output");
    data = data.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace cli
