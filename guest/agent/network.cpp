// SPDX-License-Identifier: Apache-2.0
#include "network.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <unistd.h>
#include <utility>

#include "agent/domain_name.hpp"
#include "boot.hpp"
#include "console.hpp"
#include "directory.hpp"
#include "fd.hpp"
#include "interface.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr std::size_t most_configured = 64;
constexpr auto usual_limit = std::chrono::seconds(10);
// The clocks may differ by what the wall clock is corrected by.
constexpr auto least_sleep = std::chrono::seconds(2);

std::string find_interface(const std::string& mac) {
  std::string found;
  for_each_entry("/sys/class/net", [&](const std::string& name) {
    const auto address = read_file(("/sys/class/net/" + name + "/address").c_str(), 64);
    if (address && first_line(*address) == mac) found = name;
  });
  return found;
}

// A driver that has just been loaded may still be looking at its device.
std::string wait_for_interface(const std::string& mac) {
  constexpr useconds_t pause_us = 5000;
  constexpr int tries = 2'000'000 / pause_us;
  for (int i = 0; i < tries; ++i) {
    if (std::string name = find_interface(mac); !name.empty()) return name;
    ::usleep(pause_us);
  }
  throw RpcError(no_such_device, "no network interface has the address " + mac +
                                     "; the kernel needs virtio_net, built in or as a module");
}

std::uint32_t parse_address(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) {
    throw RpcError(invalid_params, "expected an IPv4 address, found \"" + text + "\"");
  }
  return ntohl(address.s_addr);
}

std::string address_text(std::uint32_t address) {
  char text[INET_ADDRSTRLEN] = {};
  const in_addr network_order{htonl(address)};
  ::inet_ntop(AF_INET, &network_order, text, sizeof text);
  return text;
}

/// Of one that an interface has: its form is the kernel's.
dhcp::Mac parse_mac(const std::string& text) {
  dhcp::Mac mac{};
  if (text.size() != 3 * mac.size() - 1) {
    throw RpcError(not_supported, "expected an Ethernet interface, found one with " + text);
  }
  for (std::size_t i = 0; i < mac.size(); ++i) {
    mac[i] = static_cast<std::uint8_t>(std::strtoul(text.c_str() + 3 * i, nullptr, 16));
  }
  return mac;
}

/// What a lease gives an interface, for the answer.
void describe(const dhcp::Reply& lease, Json& interface) {
  interface["address"] = address_text(lease.address);
  interface["prefix_length"] = lease.prefix_length;
  for (const dhcp::Route& route : lease.routes) {
    if (route.prefix_length == 0 && route.gateway != 0) {
      interface["gateway"] = address_text(route.gateway);
    }
  }
  for (const std::uint32_t server : lease.dns) interface["dns"].push_back(address_text(server));
  for (const std::string& domain : lease.search) interface["search"].push_back(domain);
}

bool same_place(const dhcp::Reply& a, const dhcp::Reply& b) {
  return a.address == b.address && a.prefix_length == b.prefix_length && a.routes == b.routes;
}

}  // namespace

void Network::add_methods(Methods& methods) {
  methods["configure_network"] = [this](const Json& params, const Deferred& request) {
    return configure(params, request);
  };
}

std::optional<Json> Network::configure(const Json& params, const Deferred& request) {
  const Json& wanted = params.at("interfaces");
  if (!wanted.is_array() || wanted.size() > most_configured) {
    throw RpcError(invalid_params,
                   "expected at most " + std::to_string(most_configured) + " interfaces");
  }
  const auto limit = std::chrono::milliseconds(
      get_or<std::uint32_t>(params, "limit_ms", std::chrono::milliseconds(usual_limit).count()));
  if (waiting_) fail(RpcError(wrong_state, "the network was configured anew meanwhile"));
  load_modules("network");
  Json interfaces = Json::array();
  try {
    for (const Json& one : wanted) {
      interfaces.push_back(configure_one(one, static_cast<int>(interfaces.size())));
    }
  } catch (...) {
    take_back(interfaces);
    throw;
  }
  waiting_ = Waiting{request, Clock::now() + limit, limit, std::move(interfaces)};
  answer_if_complete();
  return std::nullopt;
}

/// Its part of the answer, as far as it is known.
Json Network::configure_one(const Json& wanted, int metric) {
  const auto mac = wanted.at("mac").get<std::string>();
  const auto address = get_or<std::string>(wanted, "address", "");
  const auto mtu = get_or<int>(wanted, "mtu", 0);
  const std::string name = wait_for_interface(mac);
  forget(name);
  Interface interface(name);
  if (mtu != 0) interface.set_mtu(mtu);
  Json result{{"name", name},
              {"mac", mac},
              {"gateway", ""},
              {"dns", Json::array()},
              {"search", Json::array()}};
  if (address.empty()) {
    const auto hostname = get_or<std::string>(wanted, "hostname", "");
    if (!hostname.empty() && !agent::is_domain(hostname)) {
      throw RpcError(invalid_params, "expected the name of a host, found \"" + hostname + "\"");
    }
    interface.bring_up();
    asking_.try_emplace(name, name, parse_mac(mac), hostname, metric, mtu == 0);
    return result;
  }
  const auto prefix_length = wanted.at("prefix_length").get<unsigned>();
  interface.set_address(parse_address(address), prefix_length);
  interface.bring_up();
  const auto gateway = get_or<std::string>(wanted, "gateway", "");
  if (!gateway.empty()) interface.add_route(0, 0, parse_address(gateway), metric);
  result["address"] = address;
  result["prefix_length"] = prefix_length;
  result["gateway"] = gateway;
  return result;
}

void Network::watch(PollSet& set) {
  notice_sleep();
  // A handler may be told after another one has forgotten its interface.
  for (const auto& [name, asking] : asking_) {
    const auto handler = [this, name = name](short) { serve(name); };
    if (asking.dhcp.fd() >= 0) set.add(asking.dhcp.fd(), POLLIN, handler);
    if (const auto next = asking.dhcp.next()) set.add_timer(*next, handler);
  }
  if (waiting_) set.add_timer(waiting_->until, [this](short) { give_up(); });
}

/// Where a machine that was paused goes on, its own clock does not know; the wall clock was set.
void Network::notice_sleep() {
  const Clock::duration ahead =
      std::chrono::system_clock::now().time_since_epoch() - Clock::now().time_since_epoch();
  const auto before = std::exchange(ahead_, ahead);
  if (!before || ahead - *before < least_sleep) return;
  for (auto& [name, asking] : asking_) asking.dhcp.slept(ahead - *before);
}

void Network::serve(const std::string& name) {
  const auto found = asking_.find(name);
  if (found == asking_.end()) return;
  Asking& asking = found->second;
  asking.dhcp.serve();
  if (asking.seen == asking.dhcp.changes()) return;
  asking.seen = asking.dhcp.changes();
  try {
    use_lease(name, asking);
    answer_if_complete();
  } catch (const RpcError& error) {
    log(error.message);
    if (waiting_) fail(error);
  }
}

void Network::use_lease(const std::string& name, Asking& asking) {
  const dhcp::Reply* const lease = asking.dhcp.lease();
  Interface interface(name);
  const auto used = std::exchange(asking.used, std::nullopt);
  if (used && !(lease != nullptr && same_place(*lease, *used))) interface.remove_address();
  if (lease == nullptr) return log(name + ": the DHCP server has taken its address back");
  const auto attempt = [](const auto& action) {
    try {
      action();
    } catch (const RpcError& error) {
      log(error.message);  // what a server says beyond the address may not fit
    }
  };
  if (!used || !same_place(*lease, *used)) {
    interface.set_address(lease->address, lease->prefix_length);
    for (const dhcp::Route& route : lease->routes) {
      attempt([&] {
        interface.add_route(route.network, route.prefix_length, route.gateway, asking.metric);
      });
    }
  }
  if (asking.takes_mtu && lease->mtu != 0) {
    attempt([&] { interface.set_mtu(static_cast<int>(lease->mtu)); });
  }
  asking.used = *lease;
}

void Network::answer_if_complete() {
  if (!waiting_) return;
  for (Json& interface : waiting_->interfaces) {
    const auto name = interface.at("name").get<std::string>();
    const auto asking = asking_.find(name);
    if (asking != asking_.end()) {
      if (!asking->second.used) return;
      describe(*asking->second.used, interface);
    }
    interface["mtu"] = Interface(name).mtu();
  }
  client_.answer(waiting_->request, {{"interfaces", std::move(waiting_->interfaces)}});
  waiting_.reset();
}

void Network::give_up() {
  if (!waiting_ || waiting_->until > Clock::now()) return;
  RpcError error(operation_failed, "");
  error.errc = static_cast<int>(Errc::timeout);
  for (const auto& [name, asking] : asking_) {
    if (asking.used) continue;
    if (!error.message.empty()) error.message += "; ";
    error.message += name + ": no address by DHCP within " +
                     std::to_string(waiting_->limit.count()) + " ms: " + asking.dhcp.tried();
  }
  fail(error);
}

void Network::fail(const RpcError& error) {
  client_.answer_error(waiting_->request, error);
  const Waiting failed = std::move(*std::exchange(waiting_, std::nullopt));
  take_back(failed.interfaces);
}

void Network::take_back(const Json& interfaces) {
  for (const Json& interface : interfaces) forget(interface.at("name").get<std::string>());
}

void Network::forget(const std::string& name) {
  if (asking_.erase(name) == 0) return;
  try {
    Interface(name).remove_address();
  } catch (const RpcError&) {  // it has gone itself
  }
}

}  // namespace vmkit::guest
