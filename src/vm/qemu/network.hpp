// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "os/descriptor.hpp"

#include <vmkit/vm/config.hpp>

namespace vmkit::vm::qemu {

/// What the guest has of QEMU's user-mode network number `index` of a machine: each is a network of
/// its own. `network` is valid. Pure.
NetworkAddresses user_network(const Network& network, std::size_t index);

/// detail::mac_address, but that a user-mode network, where no other machine is, has QEMU's own.
/// Pure.
std::string mac_address(const MachineConfig& config, std::size_t index);

/// The argument of -netdev for network number `index`, whose frames go through `descriptor`, if it
/// is of a kind that has one. Pure.
std::string netdev_option(const Network& network, std::size_t index, int descriptor);

/// What QEMU is to inherit for it: the TAP device, or a duplicate of the caller's socket; nothing
/// for user-mode networks. Throws not_found (no such TAP device, a closed descriptor),
/// permission_denied, failed_precondition (another has it), invalid_argument (no datagram socket).
os::Descriptor open_network(const Network& network);

/// An existing TAP device, by the system's own way: open_network without its name in the errors.
os::Descriptor open_tap(const std::string& interface);

}  // namespace vmkit::vm::qemu
