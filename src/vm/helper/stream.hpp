// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vm/helper/connection.hpp"

#include <vmkit/base/stream.hpp>
#include <vmkit/vm/vsock_listener.hpp>

namespace vmkit::vm::helper {

/// What the owner has of a stream that goes through its helper: from the answer to open_port or
/// connect_vsock. Throw data_corruption for what is no such answer.
std::unique_ptr<Stream> make_port_stream(std::shared_ptr<Connection> helper,
                                         Connection::Answer answer);
std::unique_ptr<Stream> make_vsock_stream(std::shared_ptr<Connection> helper,
                                          Connection::Answer answer);
/// Likewise of a listener.
std::unique_ptr<VsockListener> make_vsock_listener(std::shared_ptr<Connection> helper,
                                                   const Connection::Answer& answer);

}  // namespace vmkit::vm::helper
