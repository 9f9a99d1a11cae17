// SPDX-License-Identifier: Apache-2.0
// Connections of a ForwardLoop: bytes between a socket and a stream, neither of which may block.
#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include "agent/forward_loop.hpp"
#include "agent/protocol.hpp"
#include "os/network_socket.hpp"
#include "os/socket.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::agent {
namespace {

constexpr int max_pieces = 8;  // in one round, then others have their turn

/// Where connections of the guest's go to on the host.
os::Descriptor connect_to_target(const Endpoint& target) {
  if (target.kind == Endpoint::Kind::unix_socket) return os::connect_to(target.path);
  return os::connect_to(
      os::SocketAddress(target.address, target.port),
      target.kind == Endpoint::Kind::udp ? os::SocketKind::datagram : os::SocketKind::stream);
}

}  // namespace

bool ForwardLoop::serve(std::uint64_t id, Passed& connection, bool& over) {
  over = true;
  if (connection.forward == 0 && !read_header(connection)) {
    over = connection.guest_ended;
    return false;
  }
  if (connection.connecting) {
    pollfd state{connection.socket.get(), POLLOUT, 0};
    if (::poll(&state, 1, 0) == 0) {
      over = false;
      return true;
    }
    if (os::connect_failure(connection.socket.get()) != 0) return false;
    connection.connecting = false;
  }
  if (connection.datagrams) {
    pump_datagrams(id, connection);
    over = connection.guest_ended;
    return true;
  }
  pump_to_guest(id, connection);
  pump_to_socket(id, connection);
  over = connection.end_told_guest && connection.end_told_socket;
  return true;
}

// True once it is known which forward the guest's stream is for, and a connection was begun.
bool ForwardLoop::read_header(Passed& connection) {
  constexpr std::size_t size = protocol::stream_header_size + sizeof(std::uint64_t);
  std::byte bytes[size];
  while (connection.header.size() < size) {
    const auto count =
        connection.stream->read_now(std::span(bytes).first(size - connection.header.size()));
    if (!count) return false;
    if (*count == 0) {
      connection.guest_ended = true;
      return false;
    }
    connection.header.insert(connection.header.end(), bytes, bytes + *count);
  }
  const auto expected = protocol::stream_header(protocol::StreamKind::connection);
  const auto number = load_be<std::uint64_t>(&connection.header[protocol::stream_header_size]);
  const auto found = forwards_.find(number);
  connection.guest_ended = true;  // unless it turns out to be right
  if (!std::equal(expected.begin(), expected.end(), connection.header.begin()) ||
      found == forwards_.end() || !found->second.from_guest ||
      found->second.connections >= found->second.options.max_connections) {
    return false;
  }
  connection.guest_ended = false;
  connection.forward = number;
  ++found->second.connections;
  connection.socket = connect_to_target(found->second.target);
  connection.datagrams = found->second.target.kind == Endpoint::Kind::udp;
  connection.connecting = !connection.datagrams;
  return true;
}

// True if nothing is left to be written.
bool ForwardLoop::flush_to_guest(Passed& connection) {
  if (connection.to_guest.empty()) return true;
  connection.to_guest_done += connection.stream->write_now(
      std::span(connection.to_guest).subspan(connection.to_guest_done));
  if (connection.to_guest_done < connection.to_guest.size()) return false;
  connection.to_guest.clear();
  connection.to_guest_done = 0;
  return true;
}

void ForwardLoop::pump_to_guest(std::uint64_t id, Passed& connection) {
  for (int i = 0; i < max_pieces; ++i) {
    if (!flush_to_guest(connection)) return;
    if (connection.socket_ended) {
      if (!std::exchange(connection.end_told_guest, true)) connection.stream->close_write();
      return;
    }
    const ssize_t count = ::recv(connection.socket.get(), buffer_.data(), buffer_.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (count < 0) throw Error::from_errno(errno, "read from a socket");
    if (count == 0) {
      connection.socket_ended = true;
      continue;
    }
    const auto data = std::span(buffer_).first(static_cast<std::size_t>(count));
    const std::size_t written = connection.stream->write_now(data);
    connection.to_guest.assign(data.begin() + static_cast<std::ptrdiff_t>(written), data.end());
  }
  again(id);
}

void ForwardLoop::pump_to_socket(std::uint64_t id, Passed& connection) {
  const auto send = [&](std::span<const std::byte> data) {
    return os::send_now(connection.socket.get(), data);
  };
  for (int i = 0; i < max_pieces; ++i) {
    if (!connection.to_socket.empty()) {
      connection.to_socket_done +=
          send(std::span(connection.to_socket).subspan(connection.to_socket_done));
      if (connection.to_socket_done < connection.to_socket.size()) return;
      connection.to_socket.clear();
      connection.to_socket_done = 0;
    }
    if (connection.guest_ended) {
      if (!std::exchange(connection.end_told_socket, true)) {
        ::shutdown(connection.socket.get(), SHUT_WR);
      }
      return;
    }
    const auto count = connection.stream->read_now(buffer_);
    if (!count) return;
    if (*count == 0) {
      connection.guest_ended = true;
      continue;
    }
    const auto data = std::span(buffer_).first(*count);
    const std::size_t sent = send(data);
    connection.to_socket.assign(data.begin() + static_cast<std::ptrdiff_t>(sent), data.end());
  }
  again(id);
}

void ForwardLoop::pump_datagrams(std::uint64_t id, Passed& connection) {
  flush_to_guest(connection);
  for (int i = 0; connection.socket && i < max_pieces; ++i) {
    const ssize_t count = ::recv(connection.socket.get(), buffer_.data(), buffer_.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count < 0) continue;  // nobody listened to an earlier one
    if (connection.to_guest.size() + static_cast<std::size_t>(count) >= max_held_datagrams)
      continue;
    append_datagram(std::span(buffer_).first(static_cast<std::size_t>(count)), connection.to_guest);
    flush_to_guest(connection);
  }
  const int listener = connection.socket ? -1 : forwards_.at(connection.forward).listener.get();
  for (int i = 0; i < max_pieces; ++i) {
    const auto count = connection.stream->read_now(buffer_);
    if (!count) return;
    if (*count == 0) {
      connection.guest_ended = true;
      return;
    }
    std::span<const std::byte> data = std::span(buffer_).first(*count);
    while (const auto datagram = connection.decoder.next(data)) {
      // What cannot be sent is lost, as datagrams may be.
      if (connection.socket) {
        ::send(connection.socket.get(), datagram->data(), datagram->size(), 0);
      } else {
        ::sendto(listener, datagram->data(), datagram->size(), 0, connection.from->get(),
                 connection.from->size());
        connection.used = Clock::now();
      }
    }
  }
  again(id);
}

}  // namespace vmkit::agent
