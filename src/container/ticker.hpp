// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include <vmkit/base/stop.hpp>

namespace vmkit::container {

/// Calls a function again and again, on a thread of its own, until it goes.
class Ticker {
 public:
  /// `tick` gets a token that the destructor stops: it waits for the call under way. What it throws
  /// is dropped, for there will be another one.
  Ticker(std::chrono::milliseconds interval, std::function<void(const StopToken&)> tick);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  StopSource stop_;
  std::thread thread_;
};

}  // namespace vmkit::container
