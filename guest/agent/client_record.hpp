// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "agent/json.hpp"

namespace vmkit::guest {

/// What a client has asked and what it was told, over all its sessions: so that each request is
/// executed once and each message arrives once, however often the channel is lost in between.
///
/// A client's requests have rising numbers. Messages to it are counted; it tells how many it has,
/// and only what it does not have yet is kept.
class ClientRecord {
 public:
  using Clock = std::chrono::steady_clock;

  /// Without a `name` the client cannot come back.
  ClientRecord(std::uint64_t serial, std::string name) : serial_(serial), name_(std::move(name)) {}

  std::uint64_t serial() const { return serial_; }
  const std::string& name() const { return name_; }
  bool can_resume() const { return !name_.empty(); }

  /// True if the request is a new one; then it counts as executed.
  bool take_request(std::uint64_t number);
  std::uint64_t last_request() const { return last_request_; }

  /// Keeps a message until it is acknowledged; its number.
  std::uint64_t add_message(std::string message);
  /// A message that may be lost, if too many are kept already: then what was lost is counted.
  void add_event(const agent::Json& event, bool connected);
  /// The client has the first `count` messages of all. Throws Error data_corruption if there never
  /// were so many.
  void acknowledge(std::uint64_t count);
  std::uint64_t acknowledged() const { return acknowledged_; }
  /// What is not acknowledged, oldest first.
  const std::deque<std::string>& messages() const { return messages_; }
  std::size_t bytes() const { return bytes_; }

  /// Without a session, since when.
  std::optional<Clock::time_point> gone_since;

 private:
  std::uint64_t serial_;
  std::string name_;
  std::uint64_t last_request_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::deque<std::string> messages_;
  std::size_t bytes_ = 0;
  std::uint64_t lost_events_ = 0;
};

}  // namespace vmkit::guest
