// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/network.hpp"

#include <cstdint>
#include <variant>

#include "vm/network.hpp"
#include "vm/subnet.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {
namespace {

/// Of the network: what QEMU itself would take, but for the guest's in the smallest networks.
constexpr std::uint32_t gateway = 2;
constexpr std::uint32_t name_server = 3;

std::uint32_t guest_number(const Subnet& subnet) {
  return subnet.prefix_length < 28 ? 15 : 4;
}

Subnet subnet_of(const Network& network, std::size_t index) {
  if (!network.subnet.empty()) return std::get<Subnet>(parse_subnet(network.subnet));
  return {.network = (10U << 24) + (static_cast<std::uint32_t>(2 + index) << 8),
          .prefix_length = 24};
}

std::string user_mac(std::size_t index) {
  constexpr char digits[] = "0123456789abcdef";
  const std::size_t last = 0x56 + index;  // the first is what QEMU itself would take
  return std::string("52:54:00:12:34:") + digits[last >> 4 & 15] + digits[last & 15];
}

}  // namespace

NetworkAddresses user_network(const Network& network, std::size_t index) {
  const Subnet subnet = subnet_of(network, index);
  return {.mac = network.mac.empty() ? user_mac(index) : network.mac,
          .address = subnet.host(guest_number(subnet)),
          .prefix_length = subnet.prefix_length,
          .gateway = subnet.host(gateway),
          .dns = {subnet.host(name_server)}};
}

std::string mac_address(const MachineConfig& config, std::size_t index) {
  const Network& network = config.networks[index];
  const bool alone = network.kind == NetworkKind::nat && network.mac.empty();
  return alone ? user_mac(index) : detail::mac_address(config, index);
}

std::string netdev_option(const Network& network, std::size_t index, int descriptor) {
  const std::string id = ",id=net" + std::to_string(index);
  const std::string number = std::to_string(descriptor);
  if (network.kind == NetworkKind::tap) return "tap" + id + ",fd=" + number;
  if (network.kind == NetworkKind::descriptor) {
    return "dgram" + id + ",local.type=fd,local.str=" + number;
  }
  const Subnet subnet = subnet_of(network, index);
  const NetworkAddresses net = user_network(network, index);
  return "user" + id + ",net=" + subnet.host(0) + "/" + std::to_string(subnet.prefix_length) +
         ",host=" + net.gateway + ",dns=" + net.dns[0] +
         (network.subnet.empty() ? "" : ",dhcpstart=" + net.address);
}

os::Descriptor open_network(const Network& network) {
  if (network.kind == NetworkKind::tap) {
    try {
      return open_tap(network.interface);
    } catch (const Error& error) {
      throw error.with_context("TAP device " + network.interface);
    }
  }
  if (network.kind != NetworkKind::descriptor) return {};
  return detail::duplicate_frame_socket(network.descriptor);
}

}  // namespace vmkit::vm::qemu
