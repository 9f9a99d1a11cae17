// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dhcp_message.hpp"

namespace vmkit::guest {

/// The client's end of DHCP (RFC 2131, 4.4): what it sends and when, and what it has got. Does
/// nothing itself: whoever owns it carries messages, and says how late it is.
class DhcpExchange {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  struct Message {
    std::vector<std::uint8_t> bytes;
    std::uint32_t to = 0;  ///< an address in the host's byte order; all ones: everybody
  };

  /// Begins at once. `random` is asked for the number of each transaction.
  DhcpExchange(const dhcp::Mac& mac, std::string hostname, std::function<std::uint32_t()> random,
               Time now);

  /// Does what is due, and returns what is to be sent, if anything is.
  std::optional<Message> poll(Time now);
  /// When poll() has something to do; nothing while a lease for ever is held.
  std::optional<Time> next() const;
  /// Whether an answer may come.
  bool listens() const { return state_ != State::bound; }
  /// A message that has come; anything.
  void receive(std::span<const std::uint8_t> bytes, Time now);
  /// The machine did not run for so long, as the clock that is not its own says. Whoever else may
  /// have the address now, it is asked for at once, and is lost if nobody answers soon.
  void slept(Clock::duration time, Time now);

  /// What the server has given; null if there is nothing, or not any more.
  const dhcp::Reply* lease() const { return lease_ ? &*lease_ : nullptr; }
  /// Counts what has been given, given anew and lost.
  unsigned changes() const { return changes_; }
  /// What gives the lease back, if there is one.
  std::optional<Message> release() const;
  /// What has been tried so far, for an error.
  std::string tried() const;

 private:
  enum class State { selecting, requesting, bound, renewing, rebinding };

  void begin(State state, Time now, Clock::duration wait = {});
  void drop_lease();
  void take(const dhcp::Reply& reply, Time now);
  Message ask(Time now);
  /// When the lease makes the state another one; nothing if it is for ever, or there is none.
  std::optional<Time> lease_event() const;
  Clock::duration pause(Time now) const;

  const dhcp::Mac mac_;
  const std::string hostname_;
  const std::function<std::uint32_t()> random_;
  State state_ = State::selecting;
  std::uint32_t transaction_ = 0;
  Time begun_;     // the question that is being asked, for the first time
  Time next_ask_;  // when it is asked again
  int asked_ = 0;  // how often it was
  dhcp::Reply offer_;
  std::optional<dhcp::Reply> lease_;
  Time leased_;  // what its times count from
  unsigned changes_ = 0;
  int refused_ = 0;  // in a row
  int discovers_ = 0, offers_ = 0, requests_ = 0, refusals_ = 0, unusable_ = 0;
};

}  // namespace vmkit::guest
