// SPDX-License-Identifier: Apache-2.0
#include "support/dhcp_server.hpp"

#include <array>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace vmkit::test {
namespace {

const std::string mac("\x02\0\0\0\0\1", 6);
const std::string address = address_bytes({{192, 0, 2, 1}});
const std::string everybody(4, '\xff');

std::string checksum(const std::string& header) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < header.size(); i += 2) {
    sum += static_cast<unsigned char>(header[i]) * 256U + static_cast<unsigned char>(header[i + 1]);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return number_bytes(~sum & 0xffff, 2);
}

/// The frame of a datagram from the server's port 67 to everybody's 68.
std::string broadcast(const std::string& payload) {
  const auto size = static_cast<std::uint32_t>(payload.size());
  std::string ip = std::string("\x45\0", 2) + number_bytes(28 + size, 2) +
                   std::string("\0\0\0\0\x40\x11\0\0", 8) + address + everybody;
  ip.replace(10, 2, checksum(ip));
  return std::string(6, '\xff') + mac + std::string("\x08\0", 2) + ip + number_bytes(67, 2) +
         number_bytes(68, 2) + number_bytes(8 + size, 2) + std::string(2, '\0') + payload;
}

}  // namespace

DhcpServer::DhcpServer(os::Descriptor socket, Script script)
    : socket_(std::move(socket)), script_(std::move(script)), thread_([this] { run(); }) {}

DhcpServer::~DhcpServer() {
  stop_ = true;
  thread_.join();
}

void DhcpServer::run() {
  while (!stop_) {
    pollfd state{socket_.get(), POLLIN, 0};
    if (::poll(&state, 1, 20) <= 0) continue;
    std::array<char, 9216> buffer;
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) continue;
    const std::string reply = answer({buffer.data(), static_cast<std::size_t>(count)});
    if (!reply.empty()) (void)::send(socket_.get(), reply.data(), reply.size(), MSG_DONTWAIT);
  }
}

std::string DhcpServer::answer(const std::string& frame) {
  if (frame.size() < 42) return {};
  const std::string type = frame.substr(12, 2);
  // Who has the server's address? (ARP)
  if (type == "\x08\x06" && frame.substr(20, 2) == std::string("\0\1", 2) &&
      frame.substr(38, 4) == address) {
    return frame.substr(6, 6) + mac + frame.substr(12, 8) + std::string("\0\2", 2) + mac + address +
           frame.substr(22, 10);
  }
  const bool udp = type == std::string("\x08\0", 2) && frame[14] == '\x45' && frame[23] == '\x11';
  if (!udp || frame.substr(36, 2) != number_bytes(67, 2)) return {};
  const DhcpQuestion question = parse_question(frame.substr(42));
  if (question.kind == 0) return {};
  const std::string reply = script_(question, frame.substr(30, 4) == address);
  return reply.empty() ? reply : broadcast(reply);
}

}  // namespace vmkit::test
