// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <string>

#include <vmkit/base/error.hpp>
#include <vmkit/container/port_mapping.hpp>

namespace vmkit::container {

PortMapping parse_port_mapping(std::string_view text) {
  const auto refuse = [&] {
    throw Error(Errc::invalid_argument,
                "port \"" + std::string(text) +
                    "\": expected [[ADDRESS:][HOST-PORT]:]PORT[/tcp|/udp], as in 8080:80 "
                    "(an IPv6 address in brackets), or HOST-PATH:PATH of unix sockets");
  };
  const auto port = [&](std::string_view digits, bool may_be_none) {
    std::uint16_t number = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() && may_be_none) return number;
    if (result.ec != std::errc() || result.ptr != digits.data() + digits.size()) refuse();
    if (number == 0 && !may_be_none) refuse();
    return number;
  };
  std::string_view rest = text;
  PortMapping mapping;
  if (rest.starts_with('/')) {
    const auto colon = rest.rfind(":/");
    if (colon == rest.npos) refuse();
    mapping.host = agent::Endpoint::unix_socket(std::string(rest.substr(0, colon)));
    mapping.guest = agent::Endpoint::unix_socket(std::string(rest.substr(colon + 1)));
    return mapping;
  }
  if (const auto slash = rest.rfind('/'); slash != rest.npos) {
    const auto protocol = rest.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp") refuse();
    if (protocol == "udp") mapping.host.kind = mapping.guest.kind = agent::Endpoint::Kind::udp;
    rest = rest.substr(0, slash);
  }
  auto colon = rest.rfind(':');
  mapping.guest.port = port(colon == rest.npos ? rest : rest.substr(colon + 1), false);
  if (colon == rest.npos) return mapping;
  rest = rest.substr(0, colon);
  colon = rest.rfind(':');
  if (rest.ends_with(']')) refuse();  // an address alone
  mapping.host.port = port(colon == rest.npos ? rest : rest.substr(colon + 1), true);
  if (colon == rest.npos) return mapping;
  std::string_view address = rest.substr(0, colon);
  const bool bracketed = address.starts_with('[') && address.ends_with(']');
  if (bracketed) address = address.substr(1, address.size() - 2);
  if (address.empty() || (!bracketed && address.find(':') != address.npos)) refuse();
  mapping.host.address = address;
  return mapping;
}

}  // namespace vmkit::container
