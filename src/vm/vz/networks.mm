// SPDX-License-Identifier: Apache-2.0
#include <CoreFoundation/CoreFoundation.h>
#include <arpa/inet.h>
#include <vmnet/vmnet.h>

#include "vm/subnet.hpp"
#include "vm/vz/devices.hpp"
#include "vm/vz/foundation.hpp"

namespace vmkit::vm::vz {
namespace {

using Attachment = Result<Retained<VZNetworkDeviceAttachment>>;

constexpr std::uint32_t gateway = 1;  // the host's number in each network that vmnet makes

Attachment attach_bridge(const std::string& name) {
  NSString* const wanted = to_ns(name);
  std::string known;
  for (VZBridgedNetworkInterface* interface in [VZBridgedNetworkInterface networkInterfaces]) {
    if ([[interface identifier] isEqualToString:wanted]) {
      const auto attachment =
          adopt([[VZBridgedNetworkDeviceAttachment alloc] initWithInterface:interface]);
      return Retained<VZNetworkDeviceAttachment>(attachment.get());
    }
    known += (known.empty() ? "" : ", ") + to_string([interface identifier]);
  }
  return Error(Errc::not_found,
               "this Mac has no interface " + name +
                   " to bridge to; expected one of: " + (known.empty() ? "none" : known));
}

Attachment attach_descriptor(os::Descriptor frames, unsigned mtu) {
  const auto handle = to_handle(std::move(frames));
  const auto attachment =
      adopt([[VZFileHandleNetworkDeviceAttachment alloc] initWithFileHandle:handle.get()]);
  if (mtu != 0) [attachment.get() setMaximumTransmissionUnit:static_cast<NSInteger>(mtu)];
  return Retained<VZNetworkDeviceAttachment>(attachment.get());
}

std::string words(vmnet_return_t status) {
  switch (status) {
    case VMNET_INVALID_ARGUMENT:
      return "an argument is invalid";
    case VMNET_INVALID_ACCESS:
    case VMNET_NOT_AUTHORIZED:
      return "it is not allowed";
    case VMNET_SHARING_SERVICE_BUSY:
      return "the sharing service is busy";
    default:
      return "it failed; is the subnet in use by another network?";
  }
}

Error vmnet_error(const char* what, vmnet_return_t status) {
  const bool forbidden = status == VMNET_INVALID_ACCESS || status == VMNET_NOT_AUTHORIZED;
  return Error(
      forbidden ? Errc::permission_denied : Errc::unavailable,
      std::string("vmnet: ") + what + ": " + words(status) + " (" + std::to_string(status) + ")");
}

/// Takes the reference that vmnet's functions give.
std::shared_ptr<void> own(const void* object) {
  return {const_cast<void*>(object), [](void* last) { CFRelease(last); }};
}

/// The network's host address is what the framework calls its subnet's: with the network's own, no
/// guest gets an address.
__attribute__((availability(macos, introduced = 26.0))) vmnet_return_t set_subnet(
    vmnet_network_configuration_ref configuration, const std::string& text) {
  const auto parsed = parse_subnet(text);
  const auto* const subnet = std::get_if<Subnet>(&parsed);
  if (subnet == nullptr) return VMNET_INVALID_ARGUMENT;
  in_addr address{};
  in_addr mask{};
  address.s_addr = htonl(subnet->network + gateway);
  mask.s_addr = htonl(subnet->mask());
  return vmnet_network_configuration_set_ipv4_subnet(configuration, &address, &mask);
}

Attachment attach_vmnet(const PlannedNetwork& network, std::vector<std::shared_ptr<void>>& kept) {
  if (@available(macOS 26.0, *)) {
    const bool host = network.attachment == NetworkAttachment::vmnet_host;
    vmnet_return_t status = VMNET_SUCCESS;
    const auto configuration =
        vmnet_network_configuration_create(host ? VMNET_HOST_MODE : VMNET_SHARED_MODE, &status);
    if (configuration == nullptr) return vmnet_error("configure a network", status);
    const auto owner = own(configuration);
    if (!network.subnet.empty()) {
      status = set_subnet(configuration, network.subnet);
      if (status != VMNET_SUCCESS) return vmnet_error("set the subnet", status);
    }
    if (network.mtu != 0) {
      status = vmnet_network_configuration_set_mtu(configuration, network.mtu);
      if (status != VMNET_SUCCESS) return vmnet_error("set the mtu", status);
    }
    const auto made = vmnet_network_create(configuration, &status);
    if (made == nullptr) return vmnet_error("make a network", status);
    kept.push_back(own(made));
    const auto attachment = adopt([[VZVmnetNetworkDeviceAttachment alloc] initWithNetwork:made]);
    return Retained<VZNetworkDeviceAttachment>(attachment.get());
  }
  return Error(Errc::unsupported, "a network of vmnet needs macOS 26");
}

Attachment attach(const PlannedNetwork& network, os::Descriptor frames,
                  std::vector<std::shared_ptr<void>>& kept) {
  switch (network.attachment) {
    case NetworkAttachment::nat:
      break;
    case NetworkAttachment::vmnet_shared:
    case NetworkAttachment::vmnet_host:
      return attach_vmnet(network, kept);
    case NetworkAttachment::bridged:
      return attach_bridge(network.interface);
    case NetworkAttachment::file_handle:
      return attach_descriptor(std::move(frames), network.mtu);
  }
  const auto nat = adopt([[VZNATNetworkDeviceAttachment alloc] init]);
  return Retained<VZNetworkDeviceAttachment>(nat.get());
}

}  // namespace

Result<Retained<VZNetworkDeviceConfiguration>> make_network(
    const PlannedNetwork& network, os::Descriptor frames,
    std::vector<std::shared_ptr<void>>& kept) {
  const auto address = adopt([[VZMACAddress alloc] initWithString:to_ns(network.mac)]);
  if (!address) {
    return Error(Errc::invalid_argument, "the framework refuses the address " + network.mac);
  }
  const auto attachment = attach(network, std::move(frames), kept);
  if (!attachment) return attachment.error();
  const auto device = adopt([[VZVirtioNetworkDeviceConfiguration alloc] init]);
  [device.get() setMACAddress:address.get()];
  [device.get() setAttachment:attachment.value().get()];
  return Retained<VZNetworkDeviceConfiguration>(device.get());
}

}  // namespace vmkit::vm::vz
