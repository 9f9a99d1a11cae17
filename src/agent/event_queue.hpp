// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "agent/json.hpp"

#include <vmkit/agent/event.hpp>

namespace vmkit::agent {

/// Hands the agent's events to the application in a thread of its own, so that a handler may take
/// its time and call the client. Keeps a bounded number of them while nobody listens or the
/// handler is slow; then the oldest go, and a "lost" event says how many. Thread-safe.
class EventQueue {
 public:
  using Handler = std::function<void(const GuestEvent&)>;

  EventQueue() = default;
  ~EventQueue() { stop(); }
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  /// From now on `handler` is told, also what came before. What it throws is dropped.
  void listen(Handler handler);
  /// Takes the params of an event notification. Throws data_corruption if they are none.
  void push(const Json& params);
  /// No handler is told any more; waits for one that runs. May be called again.
  void stop();

 private:
  void deliver();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<GuestEvent> events_;
  std::uint64_t lost_ = 0;
  std::size_t bytes_ = 0;
  Handler handler_;
  bool stopped_ = false;
  std::thread thread_;  // runs from the first listen() on
};

}  // namespace vmkit::agent
