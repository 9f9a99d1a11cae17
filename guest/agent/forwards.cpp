// SPDX-License-Identifier: Apache-2.0
// Connections between host and guest: requests, and how connections begin and end.
#include "forwards.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "unix_sockets.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;
using os::SocketAddress;

constexpr std::size_t max_connections = 1024;
constexpr std::size_t max_listeners = 256;
constexpr std::size_t max_jobs = 64;

RpcError failed(int errno_value, const std::string& what) {
  const auto code = errno_value == EADDRINUSE ? Errc::already_exists
                                              : Error::from_errno(errno_value, what).code();
  RpcError error(connection_failed, what, errno_value);
  error.errc = static_cast<int>(code);
  return error;
}

std::string name_of(const SocketAddress& address) {
  const std::string host = address.address();
  return (address.family() == AF_INET6 ? "[" + host + "]" : host) + ":" +
         std::to_string(address.port());
}

SocketAddress address_in(const Json& params) {
  try {
    return SocketAddress(get_or<std::string>(params, "address", "127.0.0.1"),
                         params.at("port").get<std::uint16_t>());
  } catch (const Error& error) {
    throw RpcError(invalid_params, error.what());
  }
}

bool wants_datagrams(const std::string& kind) {
  if (kind == "udp") return true;
  if (kind == "tcp") return false;
  throw RpcError(invalid_params, "kind: expected tcp, udp or unix");
}

Fd make_socket(const SocketAddress& address, bool datagrams) {
  Fd made(::socket(address.family(),
                   (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) throw failed(errno, "cannot make a socket");
  return made;
}

}  // namespace

void Forwards::add_methods(Methods& methods) {
  methods["connect"] = [this](const Json& params, const Deferred& request) {
    connect(params, request);
    return std::nullopt;
  };
  methods["listen"] = [this](const Json& params, const Deferred& request) {
    return listen(params, request);
  };
  methods["unlisten"] = [this](const Json& params, const Deferred&) { return unlisten(params); };
}

void Forwards::connect(const Json& params, const Deferred& request) {
  const auto stream = params.at("stream").get<StreamId>();
  const auto kind = params.at("kind").get<std::string>();
  Session& session = *client_.session();
  if (!session.claim(StreamKind::connection, stream)) {
    throw RpcError(invalid_params, "stream " + std::to_string(stream) +
                                       " was not opened for a connection, or is in use");
  }
  try {
    if (connections_.size() >= max_connections) {
      throw RpcError(limit_reached, "more than 1024 connections");
    }
    Connection connection;
    connection.stream = stream;
    if (kind == "unix") {
      Job job;
      job.connection = next_;
      job.request = request;
      start_job(std::move(job), params.at("path").get<std::string>(), false, 0);
    } else {
      const bool datagrams = wants_datagrams(kind);
      connect_socket(connection, address_in(params), datagrams);
      connection.request = request;
    }
    connections_.emplace(next_++, std::move(connection));
  } catch (...) {
    session.release(stream);
    throw;
  }
}

void Forwards::connect_socket(Connection& connection, const SocketAddress& to, bool datagrams) {
  connection.socket = make_socket(to, datagrams);
  connection.datagrams = datagrams;
  connection.connecting = true;  // the next round of the loop sees how it went
  targets_[next_] = name_of(to);
  if (::connect(connection.socket.get(), to.get(), to.size()) != 0 && errno != EINPROGRESS) {
    throw failed(errno, "cannot connect to " + name_of(to));
  }
}

std::optional<Json> Forwards::listen(const Json& params, const Deferred& request) {
  const auto id = params.at("forward").get<std::uint64_t>();
  const auto kind = params.at("kind").get<std::string>();
  if (const auto found = listeners_.find(id); found != listeners_.end()) {
    // Its client has come back.
    if (!found->second.socket || found->second.client != client_.current()) {
      throw RpcError(invalid_params, "forward: the number is in use");
    }
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(found->second.socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return Json{{"port", kind == "unix" ? 0 : SocketAddress(address, size).port()}};
  }
  if (listeners_.size() >= max_listeners) throw RpcError(limit_reached, "more than 256 forwards");
  Listener listener;
  listener.client = client_.current();
  listener.max_connections = get_or<std::size_t>(params, "max_connections", 64);
  listener.idle = std::chrono::milliseconds(get_or<std::uint32_t>(params, "idle_ms", 60'000));
  if (kind == "unix") {
    listener.path = params.at("path").get<std::string>();
    Job job;
    job.listener = id;
    job.request = request;
    start_job(std::move(job), listener.path, true, get_or<unsigned>(params, "permissions", 0666));
    listeners_.emplace(id, std::move(listener));
    return std::nullopt;
  }
  listener.datagrams = wants_datagrams(kind);
  const SocketAddress address = address_in(params);
  listener.socket = make_socket(address, listener.datagrams);
  const int fd = listener.socket.get();
  const int on = 1;
  if (!listener.datagrams) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, address.get(), address.size()) != 0 ||
      (!listener.datagrams && ::listen(fd, SOMAXCONN) != 0)) {
    throw failed(errno, "cannot listen at " + name_of(address));
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  listeners_.emplace(id, std::move(listener));
  return Json{{"port", SocketAddress(bound, size).port()}};
}

Json Forwards::unlisten(const Json& params) {
  const auto id = params.at("forward").get<std::uint64_t>();
  if (!listeners_.contains(id)) throw RpcError(invalid_params, "forward: no such number");
  remove_listener(id);
  return Json::object();
}

// Its connections go with it.
void Forwards::remove_listener(std::uint64_t id) {
  for (auto& [number, connection] : connections_) {
    if (connection.listener == id) end(connection, true);
  }
  const std::string path = std::move(listeners_.at(id).path);
  listeners_.erase(id);
  if (path.empty()) return;
  Job job;
  job.worker = start_worker({machine_.root_fd()}, [&](const std::vector<int>& descriptors) {
    remove_socket_in_root(descriptors[0], path);
    return Json::object();
  });
  jobs_.emplace(next_job_++, std::move(job));
}

void Forwards::start_job(Job job, const std::string& path, bool listening, unsigned permissions) {
  if (jobs_.size() >= max_jobs) throw RpcError(limit_reached, "more than 64 unix sockets at once");
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
    throw RpcError(invalid_params, "path: expected an absolute path");
  }
  job.worker = start_worker({machine_.root_fd()}, [&](const std::vector<int>& descriptors) {
    pass_descriptor(listening ? listen_in_root(descriptors[0], path, permissions)
                              : connect_in_root(descriptors[0], path));
    return Json::object();
  });
  jobs_.emplace(next_job_++, std::move(job));
}

void Forwards::read_job(Job& job) {
  if (!job.worker.result || !read_result(job.worker, job.result, job.passed)) return;
  job.worker.result.reset();
  finish_job(job);
}

void Forwards::finish_job(Job& job) {
  const auto request = std::exchange(job.request, std::nullopt);
  try {
    worker_result(job.result);
    if (job.listener != 0) {
      const auto found = listeners_.find(job.listener);
      if (found == listeners_.end()) return;
      found->second.socket = std::move(job.passed);
      ::fcntl(found->second.socket.get(), F_SETFL, O_NONBLOCK);
      if (request) client_.answer(*request, {{"port", 0}});
    } else if (job.connection != 0) {
      const auto found = connections_.find(job.connection);
      if (found == connections_.end() || found->second.over) return;
      found->second.socket = std::move(job.passed);
      found->second.request = request;
      start_relay(found->second);
    }
  } catch (const RpcError& error) {
    RpcError answer = error;
    answer.code = connection_failed;
    if (job.listener != 0) listeners_.erase(job.listener);
    const auto found = connections_.find(job.connection);
    if (job.connection != 0 && found != connections_.end()) end(found->second, true);
    if (request) client_.answer_error(*request, answer);
  }
}

void Forwards::watch(PollSet& set) {
  forget_finished();
  for (auto& [id, job] : jobs_) {
    if (!job.worker.result) continue;
    set.add(job.worker.result.get(), POLLIN, [this, key = id](short) {
      if (const auto found = jobs_.find(key); found != jobs_.end()) read_job(found->second);
    });
  }
  for (auto& [id, listener] : listeners_) watch_listener(set, id, listener);
  for (auto& [id, connection] : connections_) watch_connection(set, id, connection);
}

void Forwards::end_session() {
  for (auto& [id, connection] : connections_) {
    if (connection.relay) connection.relay->abort(nullptr);
    connection.stream = 0;
    connection.socket.reset();
    connection.over = true;
  }
  forget_finished();
}

void Forwards::forget_client(std::uint64_t client) {
  std::vector<std::uint64_t> gone;
  for (const auto& [id, listener] : listeners_) {
    if (listener.client == client) gone.push_back(id);
  }
  for (const std::uint64_t id : gone) remove_listener(id);
}

bool Forwards::take_child(pid_t pid, int) {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& entry) {
    return entry.second.worker.pid == pid && !entry.second.exited;
  });
  if (found == jobs_.end()) return false;
  found->second.exited = true;
  return true;
}

void Forwards::fail(Connection& connection, int errno_value, const std::string& what) {
  const auto request = std::exchange(connection.request, std::nullopt);
  end(connection, true);
  if (request) client_.answer_error(*request, failed(errno_value, what));
}

void Forwards::end(Connection& connection, bool at_once) {
  if (std::exchange(connection.over, true)) return;
  Session* session = client_.session();
  if (connection.relay) {
    connection.relay->abort(session);
  } else if (session != nullptr && connection.stream != 0) {
    if (at_once) {
      session->release(connection.stream);
    } else {
      session->finish(connection.stream);
    }
  }
  connection.stream = 0;
  connection.socket.reset();
}

void Forwards::forget_finished() {
  for (auto entry = connections_.begin(); entry != connections_.end();) {
    Connection& connection = entry->second;
    if (connection.relay && connection.relay->over()) connection.over = true;
    if (!connection.over) {
      ++entry;
      continue;
    }
    if (const auto found = listeners_.find(connection.listener); found != listeners_.end()) {
      --found->second.connections;
      std::erase_if(found->second.flows,
                    [&](const auto& flow) { return flow.second == entry->first; });
    }
    targets_.erase(entry->first);
    entry = connections_.erase(entry);
  }
  std::erase_if(
      jobs_, [](const auto& entry) { return entry.second.exited && !entry.second.worker.result; });
}

}  // namespace vmkit::guest
