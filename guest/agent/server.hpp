// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/types.h>
#include <vector>

#include "agent/json.hpp"
#include "agent/preamble.hpp"
#include "fd.hpp"
#include "process.hpp"
#include "rpc_error.hpp"
#include "session.hpp"

namespace vmkit::guest {

/// What the channel to the host is.
enum class ChannelKind {
  virtio_port,  ///< stays open for ever; clients come and go
  socket,       ///< one client; its end is our end
};

/// Serves clients on one channel and looks after the processes that they start. One thread, one
/// poll loop, nothing blocks: a slow client or process only stops its own streams.
class Server {
 public:
  Server(Fd channel, ChannelKind kind);

  /// Returns when a socket's client has gone, or when the machine is to be switched off.
  void run();

  /// Called once, when the first client has been greeted.
  void on_first_session(void (*callback)()) { first_session_ = callback; }

 private:
  // A descriptor in the poll set: which process's, and which of its ends.
  enum class Part { signals, channel, start_result, input, output, error };
  struct Watch {
    Part part;
    std::uint64_t process;
  };

  // server.cpp: the loop and the channel
  void watch(int fd, short events, Part part, std::uint64_t process = 0);
  void watch_all();
  void handle(const Watch& watch, short events);
  bool channel_connected() const;
  void expect_client(bool expect);
  void read_channel();
  void take_input(std::span<const std::byte> input);
  void take_preamble(std::span<const std::byte>& input);
  void write_channel();
  void flush_channel();
  void end_session();
  void break_session();
  void read_signals();

  // server_processes.cpp: processes and their pipes
  void reap();
  void read_start_result(std::uint64_t handle);
  void pump_input(Process& process);
  void pump_output(Pipe& pipe);
  void drain_output(Pipe& pipe);
  void pump_processes();
  void close_pipe(Pipe& pipe);
  void break_input(Pipe& pipe);
  void detach_processes();
  void answer_waiters(std::uint64_t handle);
  void forget_finished();
  bool room_for_output(const Pipe& pipe);

  // methods.cpp: JSON-RPC
  void handle_requests();
  void handle_request(const std::string& text);
  void answer(const Deferred& request, agent::Json result);
  void answer_error(const Deferred& request, const RpcError& error);
  std::optional<agent::Json> call(const std::string& method, const agent::Json& params,
                                  const Deferred& request);
  agent::Json hello() const;
  agent::Json mount_root(const agent::Json& params);
  agent::Json configure(const agent::Json& params);
  void spawn(const agent::Json& params, const Deferred& request);
  agent::Json signal(const agent::Json& params);
  void wait(const agent::Json& params, const Deferred& request);
  Process& process(const agent::Json& params);

  Fd channel_;
  ChannelKind kind_;
  Fd signals_;
  bool connected_ = false;
  bool finished_ = false;
  bool power_off_ = false;
  void (*first_session_)() = nullptr;

  agent::PreambleScanner scanner_{agent::Preamble::Kind::hello};
  bool scanning_ = true;  // for the next session's preamble
  bool fresh_ = false;    // the preamble was answered, no frame has come yet
  agent::Preamble::Nonce nonce_{};
  std::optional<Session> session_;
  std::uint64_t next_session_ = 1;

  std::vector<std::byte> incoming_;
  agent::yamux::OutputBuffer outgoing_;
  std::size_t outgoing_sent_ = 0;

  bool root_mounted_ = false;
  std::map<std::uint64_t, Process> processes_;
  std::uint64_t next_process_ = 1;

  std::vector<pollfd> polled_;
  std::vector<Watch> watches_;
};

}  // namespace vmkit::guest
