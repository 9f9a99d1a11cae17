// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "os/descriptor.hpp"
#include "os/socket_address.hpp"

// Sockets for loops: none of these calls or of their sockets blocks.
namespace vmkit::os {

enum class SocketKind { stream, datagram };

/// Takes `address` (port 0: any free one). Errors: already_exists (in use), permission_denied,
/// invalid_argument (no address of this host).
Descriptor listen_at(const SocketAddress& address, SocketKind kind);
/// Begins to connect; the socket can be written when it has, or has failed: connect_failure().
Descriptor connect_to(const SocketAddress& address, SocketKind kind);
Descriptor connect_to(const std::filesystem::path& unix_socket);
/// The errno with which a connection that was begun has failed; 0.
int connect_failure(int socket) noexcept;

/// Where a socket is.
SocketAddress local_address(int socket);
/// The next connection that waits; none if there is none.
Descriptor accept_now(int listener) noexcept;
/// Makes the other end see that the connection did not end in peace, when the socket is closed.
void reset_on_close(int socket) noexcept;

}  // namespace vmkit::os
