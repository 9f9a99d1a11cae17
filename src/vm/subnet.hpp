// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace vmkit::vm {

/// An IPv4 network, as "192.168.77.0/24".
struct Subnet {
  std::uint32_t network = 0;  ///< In host byte order.
  unsigned prefix_length = 24;

  std::uint32_t mask() const noexcept { return ~std::uint32_t{0} << (32 - prefix_length); }
  /// The address of its host of that number, as "192.168.77.2".
  std::string host(std::uint32_t number) const;
};

/// The network; or what is wrong, for a message: what was expected and found. Of 8 to 28 bits, and
/// without bits that are a host's.
std::variant<Subnet, std::string> parse_subnet(std::string_view text);

}  // namespace vmkit::vm
