// SPDX-License-Identifier: Apache-2.0
// The networks of virtualization.api, and vmnet.framework.
#include <CoreFoundation/CoreFoundation.h>
#include <arpa/inet.h>
#include <set>

#include "fake_vz/fake_configuration.hpp"

/// What a network is made of; a subnet belongs to one network at a time.
struct vmnet_network_configuration {
  int references = 1;
  vmnet_mode_t mode = 0;
  std::string subnet = "any";
  uint32_t mtu = 0;
};
struct vmnet_network {
  vmnet_network_configuration* configuration;
};

namespace {

std::set<std::string> subnets;         // on the machine's queues, one test at a time
std::set<const void*> configurations;  // to tell the two kinds of objects apart

vmnet_return_t asked(vmnet_return_t* status) {
  const auto answer = static_cast<vmnet_return_t>(fake_vz::world().vmnet.load());
  if (status != nullptr) *status = answer;
  return answer;
}

void let_go(vmnet_network_configuration* configuration) {
  if (--configuration->references > 0) return;
  configurations.erase(configuration);
  delete configuration;
}

}  // namespace

vmnet_network_configuration_ref vmnet_network_configuration_create(vmnet_mode_t mode,
                                                                   vmnet_return_t* status) {
  if (asked(status) != VMNET_SUCCESS) return nullptr;
  auto* const made = new vmnet_network_configuration;
  made->mode = mode;
  configurations.insert(made);
  return made;
}

vmnet_return_t vmnet_network_configuration_set_ipv4_subnet(
    vmnet_network_configuration_ref configuration, const in_addr* subnet, const in_addr* mask) {
  const uint32_t network = ntohl(subnet->s_addr) & ntohl(mask->s_addr);
  // The address is to be the gateway's, the network's first.
  if (ntohl(subnet->s_addr) != network + 1) return VMNET_INVALID_ARGUMENT;
  in_addr address{};
  address.s_addr = htonl(network);
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address, text, sizeof text);
  configuration->subnet =
      std::string(text) + "/" + std::to_string(__builtin_popcount(mask->s_addr));
  return VMNET_SUCCESS;
}

vmnet_return_t vmnet_network_configuration_set_mtu(vmnet_network_configuration_ref configuration,
                                                   uint32_t mtu) {
  configuration->mtu = mtu;
  return VMNET_SUCCESS;
}

vmnet_network_ref vmnet_network_create(vmnet_network_configuration_ref configuration,
                                       vmnet_return_t* status) {
  if (configuration->subnet != "any" && !subnets.insert(configuration->subnet).second) {
    if (status != nullptr) *status = VMNET_FAILURE;
    return nullptr;
  }
  ++configuration->references;
  return new vmnet_network{configuration};
}

void CFRelease(CFTypeRef object) {
  if (configurations.count(object) != 0) {
    let_go(static_cast<vmnet_network_configuration*>(const_cast<void*>(object)));
    return;
  }
  auto* const network = static_cast<vmnet_network*>(const_cast<void*>(object));
  subnets.erase(network->configuration->subnet);
  let_go(network->configuration);
  delete network;
}

@implementation VZBridgedNetworkInterface (Fake)
+ (NSArray*)networkInterfaces {
  NSMutableArray* const all = [NSMutableArray array];
  for (const char* name : {"en0", "en1"}) {
    VZBridgedNetworkInterface* const one = [[[VZBridgedNetworkInterface alloc] init] autorelease];
    one->_identifier = [[NSString alloc] initWithUTF8String:name];
    [all addObject:one];
  }
  return all;
}
@end

@implementation VZBridgedNetworkDeviceAttachment (Fake)
- (instancetype)initWithInterface:(VZBridgedNetworkInterface*)interface {
  self = [super init];
  _interface = [interface retain];
  return self;
}
@end

@implementation VZFileHandleNetworkDeviceAttachment (Fake)
- (instancetype)initWithFileHandle:(NSFileHandle*)fileHandle {
  self = [super init];
  _fileHandle = [fileHandle retain];
  return self;
}
@end

@implementation VZVmnetNetworkDeviceAttachment (Fake)
- (instancetype)initWithNetwork:(vmnet_network_ref)network {
  self = [super init];
  _network = network;
  return self;
}
@end

std::string fake_vz::network_text(id attachment) {
  if ([attachment isKindOfClass:[VZVmnetNetworkDeviceAttachment class]]) {
    const vmnet_network_configuration& made =
        *((VZVmnetNetworkDeviceAttachment*)attachment).network->configuration;
    return std::string(" mode=") + (made.mode == VMNET_HOST_MODE ? "host" : "shared") +
           " subnet=" + made.subnet + " mtu=" + std::to_string(made.mtu);
  }
  if ([attachment isKindOfClass:[VZBridgedNetworkDeviceAttachment class]]) {
    auto* const bridged = (VZBridgedNetworkDeviceAttachment*)attachment;
    return std::string(" interface=") + [bridged.interface.identifier UTF8String];
  }
  if ([attachment isKindOfClass:[VZFileHandleNetworkDeviceAttachment class]]) {
    auto* const frames = (VZFileHandleNetworkDeviceAttachment*)attachment;
    return " maximumTransmissionUnit=" + std::to_string(frames.maximumTransmissionUnit);
  }
  return "";
}
