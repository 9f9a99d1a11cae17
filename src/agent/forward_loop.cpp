// SPDX-License-Identifier: Apache-2.0
#include "agent/forward_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "agent/endpoint_json.hpp"
#include "agent/protocol.hpp"
#include "os/network_socket.hpp"

namespace vmkit::agent {
namespace {

using protocol::StreamKind;

constexpr std::size_t read_size = 64 * 1024;
constexpr int max_accepts = 32;  // in one round
constexpr std::size_t max_streams_of_guest = 128;
constexpr auto reconnect_poll = std::chrono::milliseconds(100);

std::uint64_t random_number() {
  std::random_device random;
  // JSON's numbers are exact up to 2^53.
  return (static_cast<std::uint64_t>(random()) << 20 ^ random()) & ((1ULL << 53) - 1);
}

}  // namespace

ForwardLoop::ForwardLoop(std::shared_ptr<Link> link) : link_(std::move(link)), buffer_(read_size) {}

ForwardLoop::~ForwardLoop() {
  shut_down();
}

void ForwardLoop::shut_down() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  round_begins_.notify_all();
  news_->pipe.wake();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  connections_.clear();
  for (const auto& [number, forward] : forwards_) remove_path(forward);
  forwards_.clear();
}

void ForwardLoop::start_thread() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  news_->pipe.wake();
}

std::uint64_t ForwardLoop::add(os::Descriptor listener, Endpoint listening, Endpoint target,
                               const ForwardOptions& options) {
  const std::lock_guard lock(mutex_);
  if (stopped_) throw Error(Errc::unavailable, "the guest's client has gone");
  const std::uint64_t number = random_number();
  Passing forward;
  forward.listening = std::move(listening);
  forward.target = std::move(target);
  forward.options = options;
  forward.listener = std::move(listener);
  forwards_.emplace(number, std::move(forward));
  start_thread();
  return number;
}

Json ForwardLoop::describe(std::uint64_t number, const Passing& forward) const {
  Json params = endpoint_json(forward.listening);
  params["forward"] = number;
  params["max_connections"] = forward.options.max_connections;
  params["idle_ms"] = forward.options.idle_limit.count();
  if (forward.options.permissions) params["permissions"] = *forward.options.permissions;
  return params;
}

std::uint64_t ForwardLoop::add_from_guest(Endpoint& listening, Endpoint target,
                                          const ForwardOptions& options,
                                          const CallOptions& call_options) {
  std::uint64_t number = 0;
  Json params;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) throw Error(Errc::unavailable, "the guest's client has gone");
    number = random_number();
    Passing forward;
    forward.listening = listening;
    forward.target = std::move(target);
    forward.options = options;
    forward.from_guest = true;
    params = describe(number, forward);
    forwards_.emplace(number, std::move(forward));
    accepting_ = true;
    start_thread();
  }
  if (const auto mux = session()) resume(mux);
  try {
    const Json answer = link_->rpc()->call("listen", std::move(params), call_options);
    if (listening.kind != Endpoint::Kind::unix_socket) {
      const auto port = answer.at("port").get<std::uint64_t>();
      if (port == 0 || port > 65535) throw Error(Errc::data_corruption, "listen: no port");
      listening.port = static_cast<std::uint16_t>(port);
    }
  } catch (const Json::exception&) {
    remove(number);
    throw Error(Errc::data_corruption, "guest agent, listen: malformed answer");
  } catch (...) {
    remove(number);
    throw;
  }
  const std::lock_guard lock(mutex_);
  if (const auto found = forwards_.find(number); found != forwards_.end()) {
    found->second.listening = listening;
  }
  return number;
}

void ForwardLoop::remove(std::uint64_t number) noexcept {
  try {
    std::unique_lock lock(mutex_);
    const auto found = forwards_.find(number);
    if (found == forwards_.end()) return;
    for (auto at = connections_.begin(); at != connections_.end();) {
      const auto id = (at++)->first;
      if (connections_.at(id).forward == number) end(id, false);
    }
    const Passing& forward = found->second;
    if (forward.from_guest) {
      link_->rpc()->send("unlisten", {{"forward", number}});
    }
    remove_path(forward);
    // As long as the thread waits for the listener, that takes connections, closed or not.
    const os::Descriptor listener = std::move(found->second.listener);
    forwards_.erase(found);
    news_->pipe.wake();
    const std::uint64_t next = rounds_ + 1;
    round_begins_.wait(lock, [&] { return stopped_ || rounds_ >= next; });
  } catch (const std::exception&) {
    // Without a session the guest forgets it by itself.
  }
}

void ForwardLoop::remove_path(const Passing& forward) noexcept {
  if (forward.from_guest || forward.listening.kind != Endpoint::Kind::unix_socket) return;
  ::unlink(forward.listening.path.c_str());
}

std::size_t ForwardLoop::connections(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = forwards_.find(number);
  return found == forwards_.end() ? 0 : found->second.connections;
}

// In a thread of the link's: a session has begun. What the guest does for us it forgets with its
// session only if we do not come back; telling it again does no harm.
void ForwardLoop::resume(const std::shared_ptr<Mux>& mux) {
  const std::lock_guard lock(mutex_);
  if (accepting_) {
    mux->limit_accepted(max_streams_of_guest);
    mux->set_accept_listener([news = news_] { news->pipe.wake(); });
  }
  news_->pipe.wake();
}

void ForwardLoop::lose(const Error&) noexcept {
  news_->pipe.wake();
}

std::shared_ptr<Mux> ForwardLoop::session() const noexcept {
  try {
    return link_->mux();
  } catch (const Error&) {
    return nullptr;
  }
}

void ForwardLoop::run() noexcept {
  std::vector<pollfd> polled;
  std::vector<std::uint64_t> who;
  for (;;) {
    int timeout = -1;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      ++rounds_;
      round_begins_.notify_all();
      timeout = collect(polled, who);
    }
    if (::poll(polled.data(), static_cast<nfds_t>(polled.size()), timeout) < 0) continue;
    news_->pipe.clear();
    std::vector<std::uint64_t> ready;
    {
      const std::lock_guard lock(news_->mutex);
      ready.swap(news_->changed);
    }
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    const auto mux = session();
    for (std::size_t i = 1; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      const auto forward = forwards_.find(who[i]);
      if (forward == forwards_.end()) {
        ready.push_back(who[i]);
      } else if (mux && forward->second.listening.kind == Endpoint::Kind::udp) {
        accept_datagrams(who[i], forward->second, *mux);
      } else if (mux) {
        accept_from_host(who[i], forward->second, *mux);
      }
    }
    if (mux && accepting_) accept_from_guest(*mux);
    expire_flows();
    for (const std::uint64_t id : ready) {
      const auto found = connections_.find(id);
      if (found == connections_.end()) continue;
      bool over = false;
      bool in_peace = false;
      try {
        in_peace = serve(id, found->second, over);
      } catch (const std::exception&) {
        over = true;  // the stream was reset, or the session is lost
      }
      if (over) end(id, in_peace);
    }
  }
}

int ForwardLoop::collect(std::vector<pollfd>& polled, std::vector<std::uint64_t>& who) {
  polled.assign(1, {news_->pipe.fd(), POLLIN, 0});
  who.assign(1, 0);
  int timeout = -1;
  const bool connected = session() != nullptr;
  const auto until = [&](Clock::time_point when) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now()).count();
    const int wait = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    if (timeout < 0 || wait < timeout) timeout = wait;
  };
  for (const auto& [number, forward] : forwards_) {
    if (!forward.listener) continue;
    const bool datagrams = forward.listening.kind == Endpoint::Kind::udp;
    if (!connected) {
      until(Clock::now() + reconnect_poll);
    } else if (datagrams || forward.connections < forward.options.max_connections) {
      polled.push_back({forward.listener.get(), POLLIN, 0});
      who.push_back(number);
    }
    for (const auto& [from, id] : forward.flows) {
      until(connections_.at(id).used + forward.options.idle_limit);
    }
  }
  for (const auto& [id, connection] : connections_) {
    if (!connection.socket) continue;
    short events = 0;
    if (connection.connecting || !connection.to_socket.empty()) events |= POLLOUT;
    if (!connection.connecting && !connection.socket_ended &&
        (connection.to_guest.empty() || connection.datagrams)) {
      events |= POLLIN;
    }
    // Without anything to wait for, its hang-up would wake us again and again.
    if (events == 0) continue;
    polled.push_back({connection.socket.get(), events, 0});
    who.push_back(id);
  }
  return timeout;
}

void ForwardLoop::expire_flows() {
  const auto now = Clock::now();
  std::vector<std::uint64_t> expired;
  for (const auto& [number, forward] : forwards_) {
    for (const auto& [from, id] : forward.flows) {
      if (connections_.at(id).used + forward.options.idle_limit <= now) expired.push_back(id);
    }
  }
  for (const std::uint64_t id : expired) end(id, true);
}

std::unique_ptr<MuxStream> ForwardLoop::connect_in_guest(const Passing& forward, Mux& mux) {
  auto stream = mux.open(protocol::stream_header(StreamKind::connection));
  link_->send("connect", endpoint_json(forward.target), *stream);
  return stream;
}

std::uint64_t ForwardLoop::add_connection(Passed connection) {
  const std::uint64_t id = next_++ | 1ULL << 63;  // never the number of a forward
  connection.stream->set_listener([news = news_, id] {
    {
      const std::lock_guard lock(news->mutex);
      news->changed.push_back(id);
    }
    news->pipe.wake();
  });
  connections_.emplace(id, std::move(connection));
  again(id);  // what has come before the listener
  return id;
}

void ForwardLoop::again(std::uint64_t id) {
  {
    const std::lock_guard lock(news_->mutex);
    news_->changed.push_back(id);
  }
  news_->pipe.wake();
}

void ForwardLoop::accept_from_host(std::uint64_t number, Passing& forward, Mux& mux) {
  for (int i = 0; i < max_accepts && forward.connections < forward.options.max_connections; ++i) {
    os::Descriptor socket = os::accept_now(forward.listener.get());
    if (!socket) return;
    Passed connection;
    connection.forward = number;
    try {
      connection.stream = connect_in_guest(forward, mux);
    } catch (const Error&) {
      os::reset_on_close(socket.get());
      continue;
    }
    connection.socket = std::move(socket);
    ++forward.connections;
    add_connection(std::move(connection));
  }
}

void ForwardLoop::accept_datagrams(std::uint64_t number, Passing& forward, Mux& mux) {
  for (int i = 0; i < max_accepts; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t count = ::recvfrom(forward.listener.get(), buffer_.data(), buffer_.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
    if (count < 0) return;
    const std::string key(reinterpret_cast<const char*>(&from), size);
    auto flow = forward.flows.find(key);
    if (flow == forward.flows.end()) {
      if (forward.connections >= forward.options.max_connections) continue;
      Passed connection;
      connection.forward = number;
      connection.datagrams = true;
      connection.from.emplace(from, size);
      try {
        connection.stream = connect_in_guest(forward, mux);
      } catch (const Error&) {
        continue;  // lost, as datagrams may be
      }
      ++forward.connections;
      flow = forward.flows.emplace(key, add_connection(std::move(connection))).first;
    }
    Passed& connection = connections_.at(flow->second);
    connection.used = Clock::now();
    if (connection.to_guest.size() + static_cast<std::size_t>(count) < max_held_datagrams) {
      append_datagram(std::span(buffer_).first(static_cast<std::size_t>(count)),
                      connection.to_guest);
      again(flow->second);
    }
  }
}

void ForwardLoop::accept_from_guest(Mux& mux) {
  while (auto stream = mux.accept_now()) {
    Passed connection;
    connection.stream = std::move(stream);
    add_connection(std::move(connection));  // whose it is its header says
  }
}

void ForwardLoop::end(std::uint64_t id, bool in_peace) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Passed& connection = found->second;
  if (!in_peace && connection.socket) os::reset_on_close(connection.socket.get());
  if (const auto forward = forwards_.find(connection.forward); forward != forwards_.end()) {
    --forward->second.connections;
    std::erase_if(forward->second.flows, [&](const auto& flow) { return flow.second == id; });
  }
  connections_.erase(found);
}

}  // namespace vmkit::agent
