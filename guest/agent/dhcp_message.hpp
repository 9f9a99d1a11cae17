// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Messages of DHCP for IPv4 (RFC 2131, options of RFC 2132), as a client writes and reads them.
/// Addresses are numbers in the host's byte order.
namespace vmkit::guest::dhcp {

using Mac = std::array<std::uint8_t, 6>;

enum class Kind : std::uint8_t { discover = 1, offer = 2, request = 3, ack = 5, nak = 6 };

/// What a client sends; what is 0 is left out.
struct Query {
  Kind kind = Kind::discover;
  std::uint32_t transaction = 0;
  std::uint16_t seconds = 0;  ///< since the exchange began
  Mac mac = {};
  std::uint32_t client_address = 0;  ///< the one in use: to renew it
  std::uint32_t wanted_address = 0;  ///< the one that was offered
  std::uint32_t server = 0;          ///< whose offer is taken
};

struct Reply {
  Kind kind = Kind::offer;
  std::uint32_t server = 0;
  // Of offers and acknowledgements:
  std::uint32_t address = 0;
  unsigned prefix_length = 0;
  std::uint32_t router = 0;             ///< 0: none
  std::vector<std::uint32_t> dns = {};  ///< at most three
  unsigned mtu = 0;                     ///< 0: not told
  std::uint32_t lease_seconds = 0;      ///< all ones: for ever
  std::uint32_t renew_seconds = 0;      ///< T1, between 0 and T2
  std::uint32_t rebind_seconds = 0;     ///< T2, between T1 and the lease's end
};

inline constexpr std::size_t max_dns = 3;
inline constexpr std::uint32_t for_ever = 0xffffffff;

/// Whether a host can have it: no multicast, loopback, broadcast or "this network".
bool is_host_address(std::uint32_t address);

std::vector<std::uint8_t> encode(const Query& query);

/// Nothing for what is no whole and sensible answer to this client in this transaction. The bytes
/// may be anything.
std::optional<Reply> parse_reply(std::span<const std::uint8_t> bytes, std::uint32_t transaction,
                                 const Mac& mac);

}  // namespace vmkit::guest::dhcp
