// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vmkit::guest {

/// A socket that is connected to the unix socket at a path of the container; may block. Throws
/// Error.
int connect_in_root(int root, const std::string& path);

/// A unix socket that listens at a new path of the container. Throws Error: already_exists.
int listen_in_root(int root, const std::string& path, unsigned permissions);

/// Removes such a path, if it still is a socket. Never throws.
void remove_socket_in_root(int root, const std::string& path) noexcept;

}  // namespace vmkit::guest
