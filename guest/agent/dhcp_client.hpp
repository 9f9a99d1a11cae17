// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "dhcp_exchange.hpp"
#include "fd.hpp"

namespace vmkit::guest {

/// Gets an interface, which is up, its address by DHCP, and keeps it; gives it back in the end. Its
/// socket is open only while an answer may come. Never blocks.
class DhcpClient {
 public:
  DhcpClient(std::string interface, const dhcp::Mac& mac, std::string hostname);
  DhcpClient(const DhcpClient&) = delete;
  DhcpClient& operator=(const DhcpClient&) = delete;
  ~DhcpClient();

  /// Where answers come; -1: nowhere now.
  int fd() const { return socket_.get(); }
  /// When serve() is to be called besides.
  std::optional<DhcpExchange::Time> next() const { return exchange_.next(); }
  /// Takes what has come and does what is due, if anything.
  void serve();
  void slept(DhcpExchange::Clock::duration time);

  const dhcp::Reply* lease() const { return exchange_.lease(); }
  unsigned changes() const { return exchange_.changes(); }
  std::string tried() const;

 private:
  void receive();
  void send(const DhcpExchange::Message& message);

  const std::string interface_;
  DhcpExchange exchange_;
  Fd socket_;
  int failure_ = 0;  // why the last question was not sent
};

}  // namespace vmkit::guest
