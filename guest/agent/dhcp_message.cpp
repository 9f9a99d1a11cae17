// SPDX-License-Identifier: Apache-2.0
#include "dhcp_message.hpp"

#include <algorithm>
#include <bit>
#include <initializer_list>

#include "agent/domain_name.hpp"
#include "text.hpp"

namespace vmkit::guest::dhcp {
namespace {

// The fixed part, up to the options and their cookie.
constexpr std::size_t at_transaction = 4, at_seconds = 8, at_flags = 10, at_client_address = 12,
                      at_your_address = 16, at_mac = 28, at_server_name = 44, at_boot_file = 108,
                      at_cookie = 236, at_options = 240;
constexpr std::size_t least_size = 300;  // older relays drop shorter messages
constexpr std::size_t most_size = 1500;  // that we take
constexpr std::uint32_t cookie = 0x63825363;
constexpr std::uint8_t boot_request = 1, boot_reply = 2, ethernet = 1;
constexpr std::uint8_t broadcast_flag = 0x80;

enum Option : std::uint8_t {
  pad = 0,
  subnet_mask = 1,
  routers = 3,
  name_servers = 6,
  host_name = 12,
  domain_name = 15,
  interface_mtu = 26,
  wanted_address = 50,
  lease_time = 51,
  overload = 52,
  message_kind = 53,
  server_identifier = 54,
  parameter_list = 55,
  max_message_size = 57,
  renewal_time = 58,
  rebinding_time = 59,
  client_identifier = 61,
  classless_routes = 121,
  end = 255,
};

constexpr std::uint32_t hour = 3600;  // the lease of a server that does not say for how long
constexpr unsigned least_mtu = 576, most_mtu = 65535;

using Bytes = std::span<const std::uint8_t>;
using Options = std::array<std::vector<std::uint8_t>, 256>;

std::uint32_t number_at(Bytes bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

void put_number(std::vector<std::uint8_t>& message, std::size_t at, std::uint32_t number) {
  for (std::size_t i = 0; i < 4; ++i) {
    message[at + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  }
}

/// False if an option goes beyond the field. Parts of one that comes twice belong together (RFC
/// 3396); all together they are no longer than the message.
bool collect(Bytes field, Options& options) {
  for (std::size_t at = 0; at < field.size();) {
    const std::uint8_t code = field[at++];
    if (code == pad) continue;
    if (code == end) return true;
    if (at == field.size() || field[at] > field.size() - at - 1) return false;
    const Bytes value = field.subspan(at + 1, field[at]);
    options[code].insert(options[code].end(), value.begin(), value.end());
    at += 1 + value.size();
  }
  return true;
}

/// Of an option that has exactly four bytes.
std::optional<std::uint32_t> number(const Options& options, Option option) {
  const auto& value = options[option];
  if (value.size() != 4) return std::nullopt;
  return number_at(value, 0);
}

/// The usable ones of a list.
std::vector<std::uint32_t> addresses(const Options& options, Option option, std::size_t most) {
  const auto& value = options[option];
  std::vector<std::uint32_t> list;
  if (value.size() % 4 != 0) return list;
  for (std::size_t at = 0; at < value.size() && list.size() < most; at += 4) {
    if (is_host_address(number_at(value, at))) list.push_back(number_at(value, at));
  }
  return list;
}

std::uint32_t mask_of(unsigned prefix_length) {
  return prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length);
}

/// The length that the address's class had where no mask is told; nothing for a mask with holes, or
/// one with which the address is no host's.
std::optional<unsigned> prefix_length_of(const Options& options, std::uint32_t address) {
  unsigned length = address >> 31 == 0 ? 8 : address >> 30 == 2 ? 16 : 24;
  if (!options[subnet_mask].empty()) {
    const auto mask = number(options, subnet_mask);
    if (!mask) return std::nullopt;
    length = static_cast<unsigned>(std::popcount(*mask));
    if (length == 0 || mask_of(length) != *mask) return std::nullopt;
  }
  const std::uint32_t host = address & ~mask_of(length);
  if (length < 31 && (host == 0 || host == ~mask_of(length))) return std::nullopt;
  return length;
}

/// In 0 < T1 < T2 < the lease, whatever the server says.
void read_times(const Options& options, Reply& reply) {
  const std::uint32_t lease = reply.lease_seconds = number(options, lease_time).value_or(hour);
  reply.rebind_seconds = number(options, rebinding_time).value_or(0);
  if (reply.rebind_seconds < 2 || reply.rebind_seconds >= lease) {
    reply.rebind_seconds = lease - lease / 8;
  }
  reply.renew_seconds = number(options, renewal_time).value_or(0);
  if (reply.renew_seconds < 1 || reply.renew_seconds >= reply.rebind_seconds) {
    reply.renew_seconds = std::min(lease / 2, reply.rebind_seconds - 1);
  }
}

/// The classless static routes (RFC 3442); none if they are malformed.
std::vector<Route> classless(Bytes value) {
  std::vector<Route> routes;
  while (!value.empty() && routes.size() < max_routes) {
    Route route{.prefix_length = value[0]};
    const std::size_t told = (route.prefix_length + 7) / 8;  // bytes of the network
    if (route.prefix_length > 32 || value.size() < 1 + told + 4) return {};
    for (std::size_t i = 0; i < told; ++i) {
      route.network |= std::uint32_t{value[1 + i]} << (24 - 8 * i);
    }
    route.network &= mask_of(route.prefix_length);
    route.gateway = number_at(value, 1 + told);
    if (route.gateway != 0 && !is_host_address(route.gateway)) return {};
    routes.push_back(route);
    value = value.subspan(1 + told + 4);
  }
  return routes;
}

void read_routes(const Options& options, Reply& reply) {
  reply.routes = classless(options[classless_routes]);
  if (reply.routes.empty()) {
    // Only a router on the same network can be reached.
    for (const std::uint32_t router : addresses(options, routers, 1)) {
      const bool near = ((router ^ reply.address) & mask_of(reply.prefix_length)) == 0;
      if (near && router != reply.address) reply.routes.push_back({.gateway = router});
    }
  }
  // What is behind a gateway can be set when the gateway itself can be reached.
  std::stable_partition(reply.routes.begin(), reply.routes.end(),
                        [](const Route& route) { return route.gateway == 0; });
}

/// Some servers end the text with a zero, some give several domains.
void read_search(const Options& options, Reply& reply) {
  const auto& value = options[domain_name];
  std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
  text = text.substr(0, text.find('\0'));
  while (!text.empty() && reply.search.size() < max_search) {
    const std::string_view domain = cut(text, ' ');
    if (agent::is_domain(domain)) reply.search.emplace_back(domain);
  }
}

}  // namespace

bool is_host_address(std::uint32_t address) {
  const std::uint32_t first = address >> 24;
  return first != 0 && first != 127 && first < 224;
}

std::vector<std::uint8_t> encode(const Query& query) {
  std::vector<std::uint8_t> message(at_options);
  message[0] = boot_request;
  message[1] = ethernet;
  message[2] = static_cast<std::uint8_t>(query.mac.size());
  put_number(message, at_transaction, query.transaction);
  message[at_seconds] = static_cast<std::uint8_t>(query.seconds >> 8);
  message[at_seconds + 1] = static_cast<std::uint8_t>(query.seconds);
  // Without an address the kernel takes only broadcasts for ours.
  if (query.client_address == 0) message[at_flags] = broadcast_flag;
  put_number(message, at_client_address, query.client_address);
  std::copy(query.mac.begin(), query.mac.end(), message.begin() + at_mac);
  put_number(message, at_cookie, cookie);
  const auto add = [&](Option option, std::initializer_list<std::uint8_t> value) {
    message.push_back(option);
    message.push_back(static_cast<std::uint8_t>(value.size()));
    message.insert(message.end(), value);
  };
  const auto add_address = [&](Option option, std::uint32_t address) {
    if (address == 0) return;
    add(option, {0, 0, 0, 0});
    put_number(message, message.size() - 4, address);
  };
  add(message_kind, {static_cast<std::uint8_t>(query.kind)});
  const Mac& mac = query.mac;
  add(client_identifier, {ethernet, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]});
  add_address(wanted_address, query.wanted_address);
  add_address(server_identifier, query.server);
  if (query.kind != Kind::release) {
    if (!query.hostname.empty()) {
      add(host_name, {});
      message.back() = static_cast<std::uint8_t>(query.hostname.size());
      message.insert(message.end(), query.hostname.begin(), query.hostname.end());
    }
    add(max_message_size, {most_size >> 8, most_size & 0xff});
    add(parameter_list, {subnet_mask, classless_routes, routers, name_servers, domain_name,
                         interface_mtu, lease_time, renewal_time, rebinding_time});
  }
  message.push_back(end);
  message.resize(std::max(message.size(), least_size));
  return message;
}

bool is_answer(Bytes bytes, std::uint32_t transaction, const Mac& mac) {
  return bytes.size() >= at_options && bytes[0] == boot_reply && bytes[1] == ethernet &&
         bytes[2] == mac.size() && number_at(bytes, at_transaction) == transaction &&
         std::equal(mac.begin(), mac.end(), bytes.begin() + at_mac) &&
         number_at(bytes, at_cookie) == cookie;
}

std::optional<Reply> parse_reply(Bytes bytes) {
  if (bytes.size() < at_options) return std::nullopt;
  Options options;
  if (!collect(bytes.subspan(at_options), options)) return std::nullopt;
  const std::uint8_t more = options[overload].size() == 1 ? options[overload][0] : 0;
  if ((more & 1) != 0 && !collect(bytes.subspan(at_boot_file, at_cookie - at_boot_file), options)) {
    return std::nullopt;
  }
  if ((more & 2) != 0 &&
      !collect(bytes.subspan(at_server_name, at_boot_file - at_server_name), options)) {
    return std::nullopt;
  }
  if (options[message_kind].size() != 1) return std::nullopt;
  Reply reply;
  reply.kind = static_cast<Kind>(options[message_kind][0]);
  reply.server = number(options, server_identifier).value_or(0);
  if (!is_host_address(reply.server)) return std::nullopt;
  if (reply.kind == Kind::nak) return reply;
  if (reply.kind != Kind::offer && reply.kind != Kind::ack) return std::nullopt;
  reply.address = number_at(bytes, at_your_address);
  if (!is_host_address(reply.address)) return std::nullopt;
  const auto length = prefix_length_of(options, reply.address);
  if (!length) return std::nullopt;
  reply.prefix_length = *length;
  read_times(options, reply);
  if (reply.lease_seconds < least_lease) return std::nullopt;
  read_routes(options, reply);
  read_search(options, reply);
  reply.dns = addresses(options, name_servers, max_dns);
  if (const auto& mtu = options[interface_mtu]; mtu.size() == 2) {
    const unsigned told = mtu[0] * 256U + mtu[1];
    if (told >= least_mtu && told <= most_mtu) reply.mtu = told;
  }
  return reply;
}

}  // namespace vmkit::guest::dhcp
