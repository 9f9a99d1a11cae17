// SPDX-License-Identifier: Apache-2.0
#include "poll_set.hpp"

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace vmkit::guest {

void PollSet::add(int fd, short events, Handler handler) {
  polled_.push_back({fd, events, 0});
  handlers_.push_back(std::move(handler));
}

void PollSet::clear() {
  polled_.clear();
  handlers_.clear();
}

bool PollSet::wait(int timeout_ms) {
  if (::poll(polled_.data(), polled_.size(), timeout_ms) >= 0) return true;
  if (errno == EINTR) return false;
  throw std::runtime_error("poll failed");
}

void PollSet::dispatch(const bool& stop) {
  for (std::size_t i = 0; i < polled_.size() && !stop; ++i) {
    if (polled_[i].revents != 0) handlers_[i](polled_[i].revents);
  }
}

}  // namespace vmkit::guest
