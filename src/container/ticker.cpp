// SPDX-License-Identifier: Apache-2.0
#include "container/ticker.hpp"

#include <exception>
#include <utility>

namespace vmkit::container {

Ticker::Ticker(std::chrono::milliseconds interval, std::function<void(const StopToken&)> tick)
    : thread_([interval, tick = std::move(tick), token = stop_.token()] {
        while (!token.wait_for(interval)) {
          try {
            tick(token);
          } catch (const std::exception&) {
          }
        }
      }) {}

Ticker::~Ticker() {
  stop_.request_stop();
  thread_.join();
}

}  // namespace vmkit::container
