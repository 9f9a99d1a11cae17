// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vmkit::agent {

/// What one network interface of the guest gets. Addresses are IPv4, as "10.0.2.15".
struct InterfaceConfig {
  std::string mac;  ///< Which interface: "52:54:00:12:34:56", in lower case.
  std::string address;
  unsigned prefix_length = 24;
  std::string gateway = {};  ///< Of the default route; empty: none through this interface.
  unsigned mtu = 0;          ///< 0: as it is.
};

}  // namespace vmkit::agent
