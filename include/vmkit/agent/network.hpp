// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace vmkit::agent {

/// What one network interface of the guest gets. Addresses are IPv4, as "10.0.2.15".
struct InterfaceConfig {
  std::string mac;  ///< Which interface: "52:54:00:12:34:56", in lower case.
  /// Empty: the guest asks for it by DHCP, and for all else but `mtu` (RFC 2131). It renews what it
  /// gets for as long as the machine runs, and gives it back at power_off.
  std::string address = {};
  unsigned prefix_length = 24;
  std::string gateway = {};   ///< Of the default route; empty: none through this interface.
  unsigned mtu = 0;           ///< 0: as it is, or as the DHCP server says.
  std::string hostname = {};  ///< Told to the DHCP server; empty: none.
};

/// What an interface has got. Told by the guest: its form is right, nothing else is sure.
struct ConfiguredInterface {
  std::string name = {};  ///< As "eth0".
  std::string mac = {};
  std::string address = {};
  unsigned prefix_length = 24;
  std::string gateway = {};              ///< Empty: no default route.
  std::vector<std::string> dns = {};     ///< Addresses: at most 3, by DHCP only.
  std::vector<std::string> search = {};  ///< Domains: at most 6, by DHCP only.
  unsigned mtu = 0;
};

/// How long interfaces that ask for their addresses may take, all together.
inline constexpr std::chrono::milliseconds default_dhcp_limit = std::chrono::seconds(10);

}  // namespace vmkit::agent
