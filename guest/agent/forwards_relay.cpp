// SPDX-License-Identifier: Apache-2.0
// Connections between host and guest: sockets at one end, streams to the client at the other.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "forwards.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;
using os::SocketAddress;

// In one round of the loop.
constexpr int max_accepts = 16;
constexpr int max_datagrams = 64;

/// What is passed on has been gathered by who wrote it.
void send_at_once(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

void Forwards::watch_connection(PollSet& set, std::uint64_t id, Connection& connection) {
  Session* session = client_.session();
  if (session == nullptr || connection.over) return;
  const auto when = [this, id](short revents) {
    const auto found = connections_.find(id);
    if (found == connections_.end() || found->second.over || client_.session() == nullptr) return;
    on_ready(id, found->second, revents);
  };
  if (connection.relay) {
    connection.relay->watch(set, *session, when);
  } else if (connection.connecting) {
    set.add(connection.socket.get(), POLLOUT, when);
  } else if (connection.datagrams && connection.socket &&
             session->mux().writable(connection.stream) != 0) {
    set.add(connection.socket.get(), POLLIN, when);
  }
}

void Forwards::on_ready(std::uint64_t id, Connection& connection, short revents) {
  if (connection.relay) return connection.relay->ready(*client_.session(), revents);
  if (!connection.connecting) return datagrams_to_client(connection);
  connection.connecting = false;
  int failure = 0;
  socklen_t size = sizeof failure;
  ::getsockopt(connection.socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
  if (failure != 0) return fail(connection, failure, "cannot connect to " + targets_[id]);
  send_at_once(connection.socket.get());
  start_relay(connection);
}

void Forwards::start_relay(Connection& connection) {
  if (!connection.datagrams) {
    connection.relay.emplace(*client_.session(), connection.stream, std::move(connection.socket),
                             Relay::Kind::socket);
  }
  if (const auto request = std::exchange(connection.request, std::nullopt)) {
    client_.answer(*request, Json::object());
  }
  if (connection.relay) {
    connection.relay->take_input(*client_.session());
  } else {
    datagrams_from_client(connection);
  }
}

void Forwards::take_input() {
  Session& session = *client_.session();
  for (auto& [id, connection] : connections_) {
    if (connection.over) continue;
    if (connection.relay) {
      connection.relay->take_input(session);
    } else if (session.mux().reset_by_peer(connection.stream)) {
      end(connection, true);
    } else if (connection.datagrams && !connection.connecting) {
      datagrams_from_client(connection);
    }
  }
  forget_finished();
}

void Forwards::give_output() {
  Session& session = *client_.session();
  // One piece each, and again while there is room: nobody waits for one that always has more.
  bool more = true;
  while (more) {
    more = false;
    for (auto& [id, connection] : connections_) {
      if (connection.relay) more = connection.relay->give_output(session) || more;
    }
  }
}

void Forwards::watch_listener(PollSet& set, std::uint64_t id, Listener& listener) {
  if (!listener.socket || client_.session() == nullptr || listener.client != client_.current()) {
    return;
  }
  if (listener.datagrams || listener.connections < listener.max_connections) {
    set.add(listener.socket.get(), POLLIN, [this, id](short) {
      const auto found = listeners_.find(id);
      if (found == listeners_.end() || client_.session() == nullptr) return;
      if (found->second.datagrams) {
        receive_datagrams(id, found->second);
      } else {
        accept(id, found->second);
      }
    });
  }
  if (listener.flows.empty()) return;
  auto first = Clock::time_point::max();
  for (const auto& [from, number] : listener.flows) {
    first = std::min(first, connections_.at(number).used + listener.idle);
  }
  set.add_timer(first, [this, id](short) {
    const auto found = listeners_.find(id);
    if (found == listeners_.end()) return;
    const auto now = Clock::now();
    for (const auto& [from, number] : found->second.flows) {
      Connection& flow = connections_.at(number);
      if (flow.used + found->second.idle <= now) end(flow, false);
    }
  });
}

/// A new stream to the client for a connection that came to `listener`; null if there can be none.
Forwards::Connection* Forwards::open_connection(std::uint64_t id, Listener& listener) {
  Session& session = *client_.session();
  Connection connection;
  try {
    connection.stream = session.open(StreamKind::connection);
  } catch (const Error&) {
    return nullptr;
  }
  std::byte forward[sizeof id];
  store_be(forward, id);
  std::copy_n(forward, sizeof forward,
              session.mux().prepare(connection.stream, sizeof forward).begin());
  session.mux().commit(sizeof forward);
  connection.listener = id;
  ++listener.connections;
  return &connections_.emplace(next_++, std::move(connection)).first->second;
}

void Forwards::accept(std::uint64_t id, Listener& listener) {
  for (int i = 0; i < max_accepts && listener.connections < listener.max_connections; ++i) {
    Fd socket(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    Connection* connection = open_connection(id, listener);
    if (connection == nullptr) continue;
    send_at_once(socket.get());
    connection->relay.emplace(*client_.session(), connection->stream, std::move(socket),
                              Relay::Kind::socket);
  }
}

void Forwards::receive_datagrams(std::uint64_t id, Listener& listener) {
  std::vector<std::byte> buffer(agent::max_datagram);
  for (int i = 0; i < max_datagrams; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t count = ::recvfrom(listener.socket.get(), buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
    if (count < 0) return;
    const std::string key(reinterpret_cast<const char*>(&from), size);
    auto flow = listener.flows.find(key);
    if (flow == listener.flows.end()) {
      if (listener.connections >= listener.max_connections) continue;  // lost, as datagrams may be
      Connection* opened = open_connection(id, listener);
      if (opened == nullptr) continue;
      opened->datagrams = true;
      opened->from.emplace(from, size);
      flow = listener.flows.emplace(key, next_ - 1).first;
    }
    Connection& connection = connections_.at(flow->second);
    connection.used = Clock::now();
    if (!connection.over) {
      send_to_client(connection, std::span(buffer).first(static_cast<std::size_t>(count)));
    }
  }
}

// Whole, or not at all.
bool Forwards::send_to_client(Connection& connection, std::span<const std::byte> datagram) {
  auto& mux = client_.session()->mux();
  const std::size_t size = agent::datagram_prefix + datagram.size();
  if (mux.writable(connection.stream) < size) return false;
  const auto room = mux.prepare(connection.stream, size);
  store_be(room.data(), static_cast<std::uint16_t>(datagram.size()));
  std::copy(datagram.begin(), datagram.end(), room.begin() + agent::datagram_prefix);
  mux.commit(size);
  return true;
}

void Forwards::datagrams_to_client(Connection& connection) {
  std::vector<std::byte> buffer(agent::max_datagram);
  for (int i = 0; i < max_datagrams; ++i) {
    const ssize_t count = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) continue;  // nobody listened to an earlier one
    send_to_client(connection, std::span(buffer).first(static_cast<std::size_t>(count)));
  }
}

void Forwards::datagrams_from_client(Connection& connection) {
  auto& mux = client_.session()->mux();
  const auto listener = listeners_.find(connection.listener);
  for (auto data = mux.readable(connection.stream); !data.empty();
       data = mux.readable(connection.stream)) {
    auto left = data;
    while (const auto datagram = connection.decoder.next(left)) {
      if (connection.socket) {
        ::send(connection.socket.get(), datagram->data(), datagram->size(), MSG_NOSIGNAL);
      } else if (listener != listeners_.end() && connection.from) {
        ::sendto(listener->second.socket.get(), datagram->data(), datagram->size(), MSG_NOSIGNAL,
                 connection.from->get(), connection.from->size());
        connection.used = Clock::now();
      }
    }
    mux.consume(connection.stream, data.size());
  }
  if (mux.at_end(connection.stream)) end(connection, false);
}

}  // namespace vmkit::guest
