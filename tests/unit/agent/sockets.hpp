// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <cstring>
#include <doctest/doctest.h>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// Sockets for tests: blocking, with a limit of ten seconds on each wait.
namespace vmkit::agent::test {

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket() { close(); }

  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  bool send(const std::string& data) {
    std::size_t sent = 0;
    while (sent < data.size()) {
      const ssize_t count = ::send(fd_, &data[sent], data.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return false;
      sent += static_cast<std::size_t>(count);
    }
    return true;
  }
  /// What comes next; empty at the end, "(error)" if there is one.
  std::string receive(std::size_t most = 65536) {
    std::string data(most, '\0');
    const ssize_t count = ::recv(fd_, data.data(), data.size(), 0);
    if (count < 0) return errno == ECONNRESET ? "(reset)" : "(error)";
    data.resize(static_cast<std::size_t>(count));
    return data;
  }
  static bool is_failure(const std::string& part) { return part == "(reset)" || part == "(error)"; }
  std::string receive_exactly(std::size_t size) {
    std::string data;
    while (data.size() < size) {
      const std::string part = receive(size - data.size());
      if (part.empty() || is_failure(part)) return data + part;
      data += part;
    }
    return data;
  }
  std::string receive_all() {
    std::string data;
    for (std::string part = receive(); !part.empty(); part = receive()) {
      data += part;
      if (is_failure(part)) break;
    }
    return data;
  }
  void finish() { ::shutdown(fd_, SHUT_WR); }

 private:
  int fd_;
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

template <class Address>
bool connects(int fd, const Address& address) {
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

inline Socket connect_tcp(std::uint16_t port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(connects(socket.fd(), loopback(port)));
  return socket;
}

inline bool refuses_tcp(std::uint16_t port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM, 0));
  return !connects(socket.fd(), loopback(port));
}

inline Socket connect_unix(const std::string& path) {
  Socket socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  REQUIRE(connects(socket.fd(), unix_address(path)));
  return socket;
}

inline Socket udp_socket(std::uint16_t to = 0) {
  Socket socket(::socket(AF_INET, SOCK_DGRAM, 0));
  const auto any = loopback(0);
  REQUIRE(::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  if (to != 0) REQUIRE(connects(socket.fd(), loopback(to)));
  return socket;
}

inline std::uint16_t port_of(const Socket& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

/// Gives each connection to `serve`, in a thread of its own.
class Service {
 public:
  using Serve = std::function<void(Socket&)>;

  explicit Service(Serve serve, const std::string& path = {}) : serve_(std::move(serve)) {
    listener_ = ::socket(path.empty() ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
    if (path.empty()) {
      const auto any = loopback(0);
      REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
    } else {
      const auto there = unix_address(path);
      REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0);
    }
    REQUIRE(::listen(listener_, 100) == 0);
    thread_ = std::thread([this] { run(); });
  }
  ~Service() {
    over_ = true;
    thread_.join();
    for (auto& thread : threads_) thread.join();
    ::close(listener_);
  }

  std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  int served() const { return served_; }

  static void echo(Socket& socket) {
    for (std::string part = socket.receive(); !part.empty() && !Socket::is_failure(part);
         part = socket.receive()) {
      if (!socket.send(part)) return;
    }
  }

 private:
  void run() {
    while (!over_) {
      pollfd state{listener_, POLLIN, 0};
      if (::poll(&state, 1, 10) <= 0) continue;
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) continue;
      ++served_;
      threads_.emplace_back([this, fd] {
        Socket socket(fd);
        serve_(socket);
      });
    }
  }

  Serve serve_;
  int listener_ = -1;
  std::atomic<bool> over_{false};
  std::atomic<int> served_{0};
  std::thread thread_;
  std::vector<std::thread> threads_;
};

}  // namespace vmkit::agent::test
