// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "fd.hpp"

namespace vmkit::guest {

/// What the kernel knows of one network interface. Addresses are IPv4, as numbers in the host's
/// byte order. Methods throw RpcError.
class Interface {
 public:
  explicit Interface(const std::string& name);

  void bring_up();
  int mtu();
  void set_mtu(int mtu);
  void set_address(std::uint32_t address, unsigned prefix_length);
  /// With it go all routes through the interface.
  void remove_address();
  /// `gateway` 0: the network is this interface's own. Of several routes to one network that with
  /// the lowest metric is taken.
  void add_route(std::uint32_t network, unsigned prefix_length, std::uint32_t gateway, int metric);

 private:
  struct Request;
  void call(unsigned long number, Request& request, const char* what);

  std::string name_;
  Fd socket_;
};

}  // namespace vmkit::guest
