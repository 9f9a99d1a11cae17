// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "dhcp_client.hpp"
#include "service.hpp"

namespace vmkit::guest {

/// The machine's network interfaces: method configure_network. Those that were not given an address
/// ask for one by DHCP, and keep it while the machine lives.
class Network final : public Service {
 public:
  explicit Network(Client& client) : client_(client) {}

  void add_methods(Methods& methods) override;
  void watch(PollSet& set) override;

 private:
  using Clock = std::chrono::steady_clock;

  /// An interface that asks.
  struct Asking {
    Asking(const std::string& name, const dhcp::Mac& mac, const std::string& hostname,
           int its_metric, bool takes_its_mtu)
        : dhcp(name, mac, hostname), metric(its_metric), takes_mtu(takes_its_mtu) {}

    DhcpClient dhcp;
    int metric;
    bool takes_mtu;  // what the server says
    unsigned seen = 0;
    std::optional<dhcp::Reply> used = {};
  };
  /// The request that waits for answers.
  struct Waiting {
    Deferred request;
    Clock::time_point until;
    std::chrono::milliseconds limit;
    agent::Json interfaces;  // as its result has them; without an address those that ask
  };

  std::optional<agent::Json> configure(const agent::Json& params, const Deferred& request);
  agent::Json configure_one(const agent::Json& wanted, int metric);
  void serve(const std::string& name);
  void use_lease(const std::string& name, Asking& asking);
  void answer_if_complete();
  void give_up();
  void fail(const RpcError& error);
  void take_back(const agent::Json& interfaces);
  void forget(const std::string& name);
  void notice_sleep();

  Client& client_;
  std::map<std::string, Asking> asking_;
  std::optional<Waiting> waiting_;
  std::optional<Clock::duration> ahead_;  // the wall clock, of the one that stands with the machine
};

}  // namespace vmkit::guest
