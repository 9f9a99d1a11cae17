// SPDX-License-Identifier: Apache-2.0
#include "poll_set.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace vmkit::guest {

void PollSet::add(int fd, short events, Handler handler) {
  polled_.push_back({fd, events, 0});
  handlers_.push_back(std::move(handler));
}

void PollSet::add_timer(std::chrono::steady_clock::time_point when, Handler handler) {
  timers_.push_back({when, std::move(handler)});
}

void PollSet::clear() {
  timers_.clear();
  polled_.clear();
  handlers_.clear();
}

bool PollSet::wait(int timeout_ms) {
  if (!timers_.empty()) {
    const auto first =
        std::min_element(timers_.begin(), timers_.end(), [](const Timer& a, const Timer& b) {
          return a.when < b.when;
        })->when;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(first - std::chrono::steady_clock::now());
    const int until_first = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000));
    if (timeout_ms < 0 || until_first < timeout_ms) timeout_ms = until_first;
  }
  if (::poll(polled_.data(), polled_.size(), timeout_ms) >= 0) return true;
  if (errno == EINTR) return false;
  throw std::runtime_error("poll failed");
}

void PollSet::dispatch(const bool& stop) {
  for (std::size_t i = 0; i < polled_.size() && !stop; ++i) {
    if (polled_[i].revents != 0) handlers_[i](polled_[i].revents);
  }
  if (timers_.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < timers_.size() && !stop; ++i) {
    if (timers_[i].when <= now) timers_[i].handler(0);
  }
}

}  // namespace vmkit::guest
