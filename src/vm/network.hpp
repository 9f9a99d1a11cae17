// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "os/descriptor.hpp"

#include <vmkit/vm/config.hpp>

// What the backends' networks have in common.
namespace vmkit::vm::detail {

/// The Ethernet address of a machine's network device, which other machines may share a network
/// with: the configuration's, or one that is the same at every start. Pure.
std::string mac_address(const MachineConfig& config, std::size_t index);

/// A descriptor of our own for what NetworkKind::descriptor borrows. Throws not_found if it is not
/// open, invalid_argument if it is no datagram socket.
os::Descriptor duplicate_frame_socket(int socket);

}  // namespace vmkit::vm::detail
