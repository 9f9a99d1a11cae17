// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <sys/socket.h>

namespace vmkit::os {

/// A numeric IPv4 or IPv6 address with a port, as the system's calls take it.
class SocketAddress {
 public:
  SocketAddress() = default;
  /// Throws invalid_argument for what is no address. Names are not looked up, except "localhost".
  SocketAddress(const std::string& address, std::uint16_t port);
  /// What getsockname, accept or recvfrom gave.
  SocketAddress(const sockaddr_storage& address, socklen_t size) : storage_(address), size_(size) {}

  int family() const { return storage_.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  std::uint16_t port() const;
  std::string address() const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace vmkit::os
