// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

#include <vmkit/base/error.hpp>

namespace cli {

/// Of a unix socket; invalid_argument if the path is longer than such an address can be.
inline sockaddr_un socket_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() >= sizeof address.sun_path) {
    throw vmkit::Error(vmkit::Errc::invalid_argument,
                       "the socket's path " + text + " is longer than " +
                           std::to_string(sizeof address.sun_path - 1) +
                           " bytes: set XDG_RUNTIME_DIR to a shorter folder");
  }
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

}  // namespace cli
