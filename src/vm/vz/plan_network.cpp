// SPDX-License-Identifier: Apache-2.0
#include "vm/network.hpp"
#include "vm/vz/planning.hpp"

namespace vmkit::vm::vz {
namespace {

constexpr unsigned least_mtu = 1500;  // of a file handle attachment

void check_descriptor_mtu(Planning& planning, const Network& network, const std::string& field) {
  if (network.mtu == 0 || network.mtu >= least_mtu) return;
  planning.add(field, "expected at least " + std::to_string(least_mtu) +
                          " of a descriptor, found " + std::to_string(network.mtu));
}

void check_bridged(Planning& planning, const Network& network, const std::string& field) {
  if (!planning.mac.may_bridge) {
    planning.add(
        field + ".kind",
        "the program lacks the entitlement com.apple.vm.networking, which bridged networks "
        "need and Apple grants to some (docs/macos.md); expected nat or host_only");
  }
  if (network.mtu != 0) {
    planning.add(field + ".mtu", "a bridged network has its interface's; expected 0, found " +
                                     std::to_string(network.mtu));
  }
}

NetworkAttachment attachment(Planning& planning, const Network& network, const std::string& field) {
  switch (network.kind) {
    case NetworkKind::nat:
      // The framework's own NAT has no options at all.
      if (network.subnet.empty() && network.mtu == 0) return NetworkAttachment::nat;
      planning.require_macos(26, field + (network.subnet.empty() ? ".mtu" : ".subnet"));
      return NetworkAttachment::vmnet_shared;
    case NetworkKind::host_only:
      planning.require_macos(26, field + ".kind", "host_only");
      return NetworkAttachment::vmnet_host;
    case NetworkKind::bridged:
      check_bridged(planning, network, field);
      return NetworkAttachment::bridged;
    case NetworkKind::descriptor:
      check_descriptor_mtu(planning, network, field + ".mtu");
      return NetworkAttachment::file_handle;
    case NetworkKind::tap:
      break;
  }
  planning.add(field + ".kind", "macOS has no TAP devices; expected another kind of network");
  return NetworkAttachment::nat;
}

}  // namespace

void plan_networks(Planning& planning) {
  const MachineConfig& config = planning.config;
  for (std::size_t i = 0; i < config.networks.size(); ++i) {
    const Network& network = config.networks[i];
    const std::string field = "networks[" + std::to_string(i) + "]";
    planning.plan().networks.push_back({.attachment = attachment(planning, network, field),
                                        .mac = detail::mac_address(config, i),
                                        .interface = network.interface,
                                        .subnet = network.subnet,
                                        .mtu = network.mtu});
  }
}

}  // namespace vmkit::vm::vz
