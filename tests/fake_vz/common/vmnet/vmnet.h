// SPDX-License-Identifier: Apache-2.0
// As much of vmnet.framework's interface as the backend uses, with the macOS version in which each
// appeared: facts, as those of virtualization.api.
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#define VMKIT_SINCE_26 __attribute__((availability(macos, introduced = 26.0)))

extern "C" {

typedef uint32_t vmnet_mode_t;
enum : uint32_t { VMNET_HOST_MODE = 1000, VMNET_SHARED_MODE = 1001 };

typedef uint32_t vmnet_return_t;
enum : uint32_t {
  VMNET_SUCCESS = 1000,
  VMNET_FAILURE = 1001,
  VMNET_INVALID_ARGUMENT = 1003,
  VMNET_INVALID_ACCESS = 1005,
  VMNET_SHARING_SERVICE_BUSY = 1009,
  VMNET_NOT_AUTHORIZED = 1010,
};

typedef struct vmnet_network_configuration* vmnet_network_configuration_ref;
typedef struct vmnet_network* vmnet_network_ref;

vmnet_network_configuration_ref vmnet_network_configuration_create(
    vmnet_mode_t mode, vmnet_return_t* status) VMKIT_SINCE_26;
vmnet_return_t vmnet_network_configuration_set_ipv4_subnet(
    vmnet_network_configuration_ref configuration, const struct in_addr* subnet,
    const struct in_addr* mask) VMKIT_SINCE_26;
vmnet_return_t vmnet_network_configuration_set_mtu(vmnet_network_configuration_ref configuration,
                                                   uint32_t mtu) VMKIT_SINCE_26;
vmnet_network_ref vmnet_network_create(vmnet_network_configuration_ref configuration,
                                       vmnet_return_t* status) VMKIT_SINCE_26;
}
