// SPDX-License-Identifier: Apache-2.0
#include "dhcp_client.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <utility>

namespace vmkit::guest {
namespace {

constexpr std::uint16_t client_port = 68, server_port = 67;
constexpr int max_read = 32;  // messages at a time

sockaddr_in endpoint(std::uint32_t address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_addr.s_addr = htonl(address);
  result.sin_port = htons(port);
  return result;
}

// Bound to the interface, the kernel sends broadcasts without an address and without a route.
Fd open_socket(const std::string& interface) {
  Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  const sockaddr_in here = endpoint(INADDR_ANY, client_port);
  if (!fd ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                   static_cast<socklen_t>(interface.size() + 1)) != 0 ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on) != 0 ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) {
    return {};
  }
  return fd;
}

std::uint32_t random_number() {
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) == sizeof number) return number;
  // Before the generator has its seed; it only has to differ from what others use now.
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return static_cast<std::uint32_t>(now ^ (now >> 32));
}

}  // namespace

DhcpClient::DhcpClient(std::string interface, const dhcp::Mac& mac, std::string hostname)
    : interface_(std::move(interface)),
      exchange_(mac, std::move(hostname), random_number, DhcpExchange::Clock::now()) {}

// One message, which the server can do without.
DhcpClient::~DhcpClient() {
  if (const auto message = exchange_.release()) send(*message);
}

void DhcpClient::serve() {
  if (socket_) receive();
  if (const auto message = exchange_.poll(DhcpExchange::Clock::now())) send(*message);
  if (!exchange_.listens()) socket_.reset();
}

void DhcpClient::slept(DhcpExchange::Clock::duration time) {
  exchange_.slept(time, DhcpExchange::Clock::now());
}

void DhcpClient::receive() {
  std::uint8_t buffer[2048];
  for (int i = 0; i < max_read; ++i) {
    const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count < 0) return;
    exchange_.receive(std::span(buffer).first(static_cast<std::size_t>(count)),
                      DhcpExchange::Clock::now());
  }
}

// What cannot be sent now is sent again.
void DhcpClient::send(const DhcpExchange::Message& message) {
  if (!socket_) socket_ = open_socket(interface_);
  const sockaddr_in there = endpoint(message.to, server_port);
  const bool sent =
      socket_ && ::sendto(socket_.get(), message.bytes.data(), message.bytes.size(), 0,
                          reinterpret_cast<const sockaddr*>(&there), sizeof there) >= 0;
  failure_ = sent ? 0 : errno;
}

std::string DhcpClient::tried() const {
  const std::string last =
      failure_ == 0 ? "" : std::string("; the last not sent: ") + std::strerror(failure_);
  return exchange_.tried() + last;
}

}  // namespace vmkit::guest
