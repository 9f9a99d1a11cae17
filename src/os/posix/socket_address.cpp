// SPDX-License-Identifier: Apache-2.0
#include "os/socket_address.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

SocketAddress::SocketAddress(const std::string& address, std::uint16_t port) {
  const std::string& text = address == "localhost" ? "127.0.0.1" : address;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&storage_, &v4, sizeof v4);
    size_ = sizeof v4;
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&storage_, &v6, sizeof v6);
    size_ = sizeof v6;
  } else {
    throw Error(Errc::invalid_argument,
                "\"" + address.substr(0, 100) + "\": expected a numeric IPv4 or IPv6 address");
  }
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage_, sizeof v4);
    return ntohs(v4.sin_port);
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &storage_, sizeof v6);
  return family() == AF_INET6 ? ntohs(v6.sin6_port) : std::uint16_t{0};
}

std::string SocketAddress::address() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage_, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  } else if (family() == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage_, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace vmkit::os
