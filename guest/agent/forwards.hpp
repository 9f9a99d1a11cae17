// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "agent/datagrams.hpp"
#include "machine.hpp"
#include "os/socket_address.hpp"
#include "relay.hpp"
#include "service.hpp"
#include "worker.hpp"

namespace vmkit::guest {

/// Connections between the host and the guest's network: those that the client asks for
/// (`connect`), and those that come to where it has us listen (`listen`).
class Forwards final : public Service {
 public:
  Forwards(Client& client, Machine& machine) : client_(client), machine_(machine) {}

  void add_methods(Methods& methods) override;
  void watch(PollSet& set) override;
  void take_input() override;
  void give_output() override;
  void end_session() override;
  void forget_client(std::uint64_t client) override;
  bool take_child(pid_t pid, int wait_status) override;

 private:
  using Clock = std::chrono::steady_clock;
  using StreamId = agent::yamux::StreamId;

  /// One stream of the client, and what is at our end of it.
  struct Connection {
    StreamId stream = 0;
    std::uint64_t listener = 0;  ///< 0: the client's own.
    std::optional<Relay> relay;  ///< Once it is connected, unless it is of datagrams.
    Fd socket;                   ///< While it connects; of datagrams: connected to their target.
    bool connecting = false;
    std::optional<Deferred> request;

    // Of datagrams
    bool datagrams = false;
    std::optional<os::SocketAddress> from;  ///< Whom the listener hears.
    agent::DatagramDecoder decoder;
    Clock::time_point used;

    bool over = false;
  };
  struct Listener {
    Fd socket;  ///< None while a worker makes it.
    bool datagrams = false;
    std::string path;  ///< Of a unix socket, to be removed again.
    std::size_t max_connections = 0;
    std::size_t connections = 0;
    std::chrono::milliseconds idle{0};
    std::map<std::string, std::uint64_t> flows;  ///< By who sends.
    std::uint64_t client = 0;                    ///< Whose it is; nobody else's session gets it.
  };
  /// A child that makes a unix socket in the container's root.
  struct Job {
    Worker worker;
    std::string result;
    Fd passed;
    std::uint64_t connection = 0;
    std::uint64_t listener = 0;
    std::optional<Deferred> request;
    bool exited = false;
  };

  // forwards.cpp: the methods
  void connect(const agent::Json& params, const Deferred& request);
  void connect_socket(Connection& connection, const os::SocketAddress& to, bool datagrams);
  std::optional<agent::Json> listen(const agent::Json& params, const Deferred& request);
  agent::Json unlisten(const agent::Json& params);
  void start_job(Job job, const std::string& path, bool listening, unsigned permissions);
  void read_job(Job& job);
  void finish_job(Job& job);
  void remove_listener(std::uint64_t id);

  // forwards_relay.cpp: the bytes
  void watch_connection(PollSet& set, std::uint64_t id, Connection& connection);
  void watch_listener(PollSet& set, std::uint64_t id, Listener& listener);
  void on_ready(std::uint64_t id, Connection& connection, short revents);
  void start_relay(Connection& connection);
  void accept(std::uint64_t id, Listener& listener);
  void receive_datagrams(std::uint64_t id, Listener& listener);
  Connection* open_connection(std::uint64_t id, Listener& listener);
  void datagrams_to_client(Connection& connection);
  void datagrams_from_client(Connection& connection);
  bool send_to_client(Connection& connection, std::span<const std::byte> datagram);
  void fail(Connection& connection, int errno_value, const std::string& what);
  void end(Connection& connection, bool at_once);
  void forget_finished();

  Client& client_;
  Machine& machine_;
  std::map<std::uint64_t, Connection> connections_;
  std::map<std::uint64_t, Listener> listeners_;
  std::map<std::uint64_t, Job> jobs_;
  std::map<std::uint64_t, std::string> targets_;  // of connections, for messages
  std::uint64_t next_ = 1;                        // of connections
  std::uint64_t next_job_ = 1;
};

}  // namespace vmkit::guest
