// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "os/descriptor.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::os {

/// The longest path a unix socket can have here, in bytes: 107 on Linux, 103 on macOS.
std::size_t longest_socket_path() noexcept;

/// Connects to the unix socket at `path`. Errors: invalid_argument (path too long), not_found,
/// unavailable (nobody listens).
Descriptor connect_unix(const std::filesystem::path& path);

/// Listens at `path`, which must not exist; only this user may connect.
Descriptor listen_unix(const std::filesystem::path& path);

/// The next connection to a listening socket.
Descriptor accept_connection(int listener, const CallOptions& options = {});

/// Sends what fits without blocking; returns how many bytes, perhaps 0. Throws unavailable when the
/// peer is gone. `descriptor`, if there is one, goes along with the first byte over a unix socket:
/// the peer gets one of its own for the same file.
std::size_t send_now(int socket, std::span<const std::byte> data, int descriptor = -1);

/// Blocks until something has come over a unix socket; fills the front of `buffer` and returns how
/// many bytes, 0 at the end. Descriptors that came along are appended, close-on-exec; more than 8
/// at a time are data_corruption.
std::size_t receive(int socket, std::span<std::byte> buffer, std::vector<Descriptor>& descriptors);

/// A Stream over a connected socket, which it takes.
std::unique_ptr<Stream> make_socket_stream(Descriptor socket);

}  // namespace vmkit::os
