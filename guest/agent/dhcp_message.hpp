// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Messages of DHCP for IPv4 (RFC 2131, options of RFC 2132), as a client writes and reads them.
/// Addresses are numbers in the host's byte order.
namespace vmkit::guest::dhcp {

using Mac = std::array<std::uint8_t, 6>;

enum class Kind : std::uint8_t {
  discover = 1,
  offer = 2,
  request = 3,
  ack = 5,
  nak = 6,
  release = 7
};

/// What a client sends; what is 0 or empty is left out.
struct Query {
  Kind kind = Kind::discover;
  std::uint32_t transaction = 0;
  std::uint16_t seconds = 0;  ///< since the exchange began
  Mac mac = {};
  std::uint32_t client_address = 0;  ///< the one in use: to renew it
  std::uint32_t wanted_address = 0;  ///< the one that was offered
  std::uint32_t server = 0;          ///< whose offer is taken
  std::string hostname = {};         ///< a valid one: see agent::is_domain
};

struct Route {
  std::uint32_t network = 0;
  unsigned prefix_length = 0;
  std::uint32_t gateway = 0;  ///< 0: what it is for is on the interface's own network

  friend bool operator==(const Route&, const Route&) = default;
};

struct Reply {
  Kind kind = Kind::offer;
  std::uint32_t server = 0;
  // Of offers and acknowledgements:
  std::uint32_t address = 0;
  unsigned prefix_length = 0;
  std::vector<Route> routes = {};        ///< at most max_routes, those without a gateway first
  std::vector<std::uint32_t> dns = {};   ///< at most max_dns
  std::vector<std::string> search = {};  ///< domains, at most max_search
  unsigned mtu = 0;                      ///< 0: not told
  std::uint32_t lease_seconds = 0;       ///< all ones: for ever
  std::uint32_t renew_seconds = 0;       ///< T1, between 0 and T2
  std::uint32_t rebind_seconds = 0;      ///< T2, between T1 and the lease's end
};

inline constexpr std::size_t max_dns = 3, max_search = 6, max_routes = 16;
inline constexpr std::uint32_t least_lease =
    10;  ///< in seconds: a shorter one is no use to anybody
inline constexpr std::uint32_t for_ever = 0xffffffff;

/// Whether a host can have it: no multicast, loopback, broadcast or "this network".
bool is_host_address(std::uint32_t address);

std::vector<std::uint8_t> encode(const Query& query);

/// Whether the bytes, which may be anything, are a server's to this client in this transaction.
bool is_answer(std::span<const std::uint8_t> bytes, std::uint32_t transaction, const Mac& mac);

/// What is in a server's message; nothing if it is not whole, or nobody could use it.
std::optional<Reply> parse_reply(std::span<const std::uint8_t> bytes);

}  // namespace vmkit::guest::dhcp
