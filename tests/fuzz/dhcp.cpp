// SPDX-License-Identifier: Apache-2.0
// A server's message to a DHCP client.
#include <algorithm>

#include "agent/domain_name.hpp"
#include "dhcp_exchange.hpp"
#include "fuzz/target.hpp"

namespace {

using vmkit::fuzz::require;
using namespace vmkit::guest;

const vmkit::fuzz::Target target("dhcp", [](std::string_view input) {
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  const auto reply = dhcp::parse_reply(bytes);
  if (!reply) return;
  require(dhcp::is_host_address(reply->server), "a server can be spoken to");
  if (reply->kind == dhcp::Kind::nak) return;
  require(dhcp::is_host_address(reply->address), "a host can have the address");
  require(reply->prefix_length > 0 && reply->prefix_length <= 32, "the network is one");
  require(reply->dns.size() <= dhcp::max_dns && reply->search.size() <= dhcp::max_search &&
              reply->routes.size() <= dhcp::max_routes,
          "lists are bounded");
  require(std::all_of(reply->dns.begin(), reply->dns.end(), dhcp::is_host_address),
          "name servers can be spoken to");
  require(std::all_of(reply->search.begin(), reply->search.end(), vmkit::agent::is_domain),
          "domains are names");
  bool gateways = false;
  for (const auto& route : reply->routes) {
    require(route.prefix_length <= 32 &&
                (route.prefix_length == 32 || route.network << route.prefix_length == 0),
            "a route is to a network");
    require(route.gateway == 0 || dhcp::is_host_address(route.gateway), "gateways are hosts");
    require(route.gateway != 0 || !gateways, "what needs no gateway comes first");
    gateways = route.gateway != 0;
  }
  require(reply->mtu == 0 || reply->mtu >= 576, "an MTU is of use");
  require(reply->lease_seconds >= dhcp::least_lease && 0 < reply->renew_seconds &&
              reply->renew_seconds < reply->rebind_seconds &&
              reply->rebind_seconds < reply->lease_seconds,
          "times are in order");
  // To the client that it is for it is an offer, and then what it says.
  constexpr dhcp::Mac mac{2};
  constexpr std::uint32_t transaction = 0x2a2a2a2a;
  if (!dhcp::is_answer(bytes, transaction, mac)) return;
  DhcpExchange::Time now{};
  DhcpExchange client(
      mac, {}, [] { return transaction; }, now);
  for (int i = 0; i < 8; ++i) {
    client.poll(now);
    client.receive(bytes, now);
    const auto next = client.next();
    if (!next) return;
    require(*next >= now, "time goes on");
    now = *next;
  }
});

}  // namespace
