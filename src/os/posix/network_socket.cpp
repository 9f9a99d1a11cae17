// SPDX-License-Identifier: Apache-2.0
#include "os/network_socket.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

#include "os/socket.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

void prepare(int socket) {
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  set_nonblocking(socket);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // others say no
}

Descriptor make_socket(int family, SocketKind kind) {
  Descriptor made(::socket(family, kind == SocketKind::stream ? SOCK_STREAM : SOCK_DGRAM, 0));
  if (!made) throw Error::from_errno(errno, "create a socket");
  prepare(made.get());
  return made;
}

std::string text_of(const SocketAddress& address) {
  const std::string host = address.address();
  return (address.family() == AF_INET6 ? "[" + host + "]" : host) + ":" +
         std::to_string(address.port());
}

void begin_connecting(int socket, const sockaddr* address, socklen_t size, const std::string& to) {
  if (::connect(socket, address, size) != 0 && errno != EINPROGRESS && errno != EINTR) {
    throw Error::from_errno(errno, "connect to " + to);
  }
}

}  // namespace

Descriptor listen_at(const SocketAddress& address, SocketKind kind) {
  Descriptor made = make_socket(address.family(), kind);
  const int on = 1;
  if (kind == SocketKind::stream) {
    ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (address.family() == AF_INET6) {
    ::setsockopt(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(made.get(), address.get(), address.size()) == 0 &&
      (kind == SocketKind::datagram || ::listen(made.get(), SOMAXCONN) == 0)) {
    return made;
  }
  const std::string what = "listen at " + text_of(address);
  const NativeError native{ErrorDomain::posix, errno};
  if (errno == EADDRINUSE) {
    throw Error(Errc::already_exists, what + ": something else listens there", native);
  }
  if (errno == EADDRNOTAVAIL) {
    throw Error(Errc::invalid_argument, what + ": this is no address of this host", native);
  }
  throw Error::from_errno(errno, what);
}

Descriptor connect_to(const SocketAddress& address, SocketKind kind) {
  Descriptor made = make_socket(address.family(), kind);
  begin_connecting(made.get(), address.get(), address.size(), text_of(address));
  return made;
}

Descriptor connect_to(const std::filesystem::path& unix_socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = unix_socket.native();
  if (path.empty() || path.size() > longest_socket_path()) {
    throw Error(Errc::invalid_argument, "socket path " + path + ": expected 1 to " +
                                            std::to_string(longest_socket_path()) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor made = make_socket(AF_UNIX, SocketKind::stream);
  begin_connecting(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address, path);
  return made;
}

int connect_failure(int socket) noexcept {
  int failure = 0;
  socklen_t size = sizeof failure;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 ? failure : errno;
}

SocketAddress local_address(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw Error::from_errno(errno, "look where a socket is");
  }
  return {address, size};
}

Descriptor accept_now(int listener) noexcept {
  Descriptor accepted(::accept(listener, nullptr, nullptr));
  if (accepted) {
    try {
      prepare(accepted.get());
    } catch (const Error&) {
      accepted.reset();
    }
  }
  return accepted;
}

void reset_on_close(int socket) noexcept {
  const linger at_once{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace vmkit::os
