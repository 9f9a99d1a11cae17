// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

#include "agent/datagrams.hpp"
#include "agent/link.hpp"
#include "os/descriptor.hpp"
#include "os/socket_address.hpp"
#include "os/wait.hpp"

#include <vmkit/agent/forward.hpp>

namespace vmkit::agent {

/// All forwards of a client and their connections, in one thread that starts with the first.
/// Bounded memory: a connection holds at most 64 KiB each way, and of datagrams 256 KiB.
/// Thread-safe.
class ForwardLoop final : public Resumable {
 public:
  explicit ForwardLoop(std::shared_ptr<Link> link);
  ~ForwardLoop() override;

  /// Begins to pass on what comes to `listener`, which takes over. Returns its number.
  std::uint64_t add(os::Descriptor listener, Endpoint listening, Endpoint target,
                    const ForwardOptions& options);
  /// Has the guest listen; `listening` then says where.
  std::uint64_t add_from_guest(Endpoint& listening, Endpoint target, const ForwardOptions& options,
                               const CallOptions& call_options);
  void remove(std::uint64_t forward) noexcept;
  std::size_t connections(std::uint64_t forward) const;
  /// Ends everything, and the thread.
  void shut_down() noexcept;

  void resume(const std::shared_ptr<Mux>& mux) override;
  void lose(const Error& error) noexcept override;

 private:
  using Clock = std::chrono::steady_clock;

  static constexpr std::size_t max_held_datagrams = 256 * 1024;

  /// What the threads of a Mux tell; outlives the loop.
  struct News {
    std::mutex mutex;
    std::vector<std::uint64_t> changed;
    os::WakePipe pipe;
  };
  struct Passing {
    Endpoint listening;
    Endpoint target;
    ForwardOptions options;
    bool from_guest = false;
    os::Descriptor listener;
    std::size_t connections = 0;
    std::map<std::string, std::uint64_t> flows;  // of datagrams, by who sends
  };
  struct Passed {
    std::uint64_t forward = 0;
    std::unique_ptr<MuxStream> stream;
    os::Descriptor socket;  // none: of datagrams that come through the forward's listener
    bool datagrams = false;
    bool connecting = false;
    std::vector<std::byte> header;    // what has come of it, of a stream of the guest's
    std::vector<std::byte> to_guest;  // read from the socket, not yet written
    std::size_t to_guest_done = 0;
    std::vector<std::byte> to_socket;  // read from the stream, not yet written
    std::size_t to_socket_done = 0;
    bool socket_ended = false;
    bool end_told_guest = false;
    bool guest_ended = false;
    bool end_told_socket = false;
    std::optional<os::SocketAddress> from;
    DatagramDecoder decoder;
    Clock::time_point used = Clock::now();
  };

  // forward_loop.cpp
  void run() noexcept;
  void start_thread();
  int collect(std::vector<pollfd>& polled, std::vector<std::uint64_t>& who);
  static void remove_path(const Passing& forward) noexcept;
  void expire_flows();
  void accept_from_host(std::uint64_t number, Passing& forward, Mux& mux);
  void accept_datagrams(std::uint64_t number, Passing& forward, Mux& mux);
  void accept_from_guest(Mux& mux);
  std::unique_ptr<MuxStream> connect_in_guest(const Passing& forward, Mux& mux);
  std::uint64_t add_connection(Passed connection);
  Json describe(std::uint64_t number, const Passing& forward) const;
  std::shared_ptr<Mux> session() const noexcept;
  void end(std::uint64_t id, bool in_peace);

  // forward_connections.cpp; false: the connection is over, and was not in peace
  bool serve(std::uint64_t id, Passed& connection, bool& over);
  bool read_header(Passed& connection);
  void pump_to_guest(std::uint64_t id, Passed& connection);
  void pump_to_socket(std::uint64_t id, Passed& connection);
  void pump_datagrams(std::uint64_t id, Passed& connection);
  bool flush_to_guest(Passed& connection);
  void again(std::uint64_t id);

  const std::shared_ptr<Link> link_;
  const std::shared_ptr<News> news_ = std::make_shared<News>();
  mutable std::mutex mutex_;  // guards what follows
  bool stopped_ = false;
  std::uint64_t rounds_ = 0;
  std::condition_variable round_begins_;
  bool accepting_ = false;  // from the guest
  std::map<std::uint64_t, Passing> forwards_;
  std::map<std::uint64_t, Passed> connections_;
  std::uint64_t next_ = 1;
  std::vector<std::byte> buffer_;
  std::thread thread_;
};

}  // namespace vmkit::agent
