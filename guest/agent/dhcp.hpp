// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dhcp_message.hpp"
#include "fd.hpp"
#include "poll_set.hpp"

namespace vmkit::guest {

/// Gets an interface, which is up, its address by DHCP (RFC 2131), and keeps it. Lives in the poll
/// loop and never blocks. Its socket is open only while it waits for an answer.
class DhcpClient {
 public:
  /// Told with each lease that is got or renewed, and with null when there is none any more.
  using Handler = std::function<void(const dhcp::Reply*)>;

  /// Begins to ask. Throws RpcError if the kernel gives no socket.
  DhcpClient(std::string interface, const dhcp::Mac& mac, Handler handler);

  void watch(PollSet& set);
  const std::string& interface() const { return interface_; }
  const dhcp::Mac& mac() const { return mac_; }
  /// What the server has given; null if there is none, or not any more.
  const dhcp::Reply* lease() const { return lease_ ? &*lease_ : nullptr; }
  /// What has been tried so far, for an error.
  std::string tried() const;

 private:
  using Clock = std::chrono::steady_clock;
  enum class State { selecting, requesting, bound, renewing, rebinding };

  void begin(State state);
  void send();
  void receive();
  void take(const dhcp::Reply& reply);
  void on_timer();
  /// When the lease leaves the state that it is in; never, if it is for ever.
  std::optional<Clock::time_point> lease_event() const;

  std::string interface_;
  dhcp::Mac mac_;
  Handler handler_;
  Fd socket_;
  State state_ = State::selecting;
  std::uint32_t transaction_ = 0;
  Clock::time_point begun_;
  Clock::time_point next_;   // when it is asked again
  Clock::duration pause_{};  // after the next question
  std::optional<dhcp::Reply> offer_;
  std::optional<dhcp::Reply> lease_;
  Clock::time_point asked_;  // what the lease's times count from
  int discovers_ = 0, requests_ = 0, refusals_ = 0;
};

}  // namespace vmkit::guest
