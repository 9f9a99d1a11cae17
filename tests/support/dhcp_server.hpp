// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "os/descriptor.hpp"
#include "support/dhcp_message.hpp"

namespace vmkit::test {

/// A DHCP server at 192.0.2.1 on a network of Ethernet frames, one a datagram of a socket. A thread
/// of its own gives each question to a script, which returns the answer, or nothing.
class DhcpServer {
 public:
  /// `alone`: the question was for this server, and not for everybody.
  using Script = std::function<std::string(const DhcpQuestion& question, bool alone)>;

  DhcpServer(os::Descriptor socket, Script script);
  DhcpServer(const DhcpServer&) = delete;
  DhcpServer& operator=(const DhcpServer&) = delete;
  ~DhcpServer();

 private:
  void run();
  std::string answer(const std::string& frame);

  const os::Descriptor socket_;
  const Script script_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace vmkit::test
