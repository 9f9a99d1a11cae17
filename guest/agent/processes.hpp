// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>

#include "machine.hpp"
#include "process.hpp"
#include "service.hpp"
#include "stream_table.hpp"

namespace vmkit::guest {

/// The processes that clients start: methods spawn, attach, close_stdio, resize, signal, wait,
/// list_processes, forget; and their standard streams.
class Processes final : public Service {
 public:
  Processes(Client& client, Machine& machine)
      : client_(client), machine_(machine), streams_(client) {}

  void add_methods(Methods& methods) override;
  void watch(PollSet& set) override;
  void take_input() override;
  void give_output() override;
  void end_session() override;
  void forget_client(std::uint64_t client) override;
  bool take_child(pid_t pid, int wait_status) override;

  bool any_running() const;
  /// Sends a signal to each process that runs, not to its descendants.
  void signal_all(int number);

 private:
  using Handle = std::uint64_t;

  // processes.cpp: their beginnings and ends
  void spawn(const agent::Json& params, const Deferred& request);
  agent::Json signal(const agent::Json& params);
  void wait(const agent::Json& params, const Deferred& request);
  agent::Json list();
  agent::Json resumed(const agent::Json& params);
  void settle_all();
  agent::Json forget(const agent::Json& params);
  Process* find(Handle handle);
  Process& process(const agent::Json& params);
  void read_start_result(Handle handle);
  void answer_waiters(Handle handle);
  void settle(Handle handle);
  void settle_collected();
  void make_room();

  // process_stdio.cpp: their standard streams
  using Descriptors = std::array<Fd, 3>;
  void open_stdio(const agent::Json& params, Handle handle, Process& process, Descriptors& theirs);
  void open_terminal(const agent::Json& params, Process& process, Descriptors& theirs);
  void close_stdio(Process& process);
  agent::Json attach(const agent::Json& params);
  agent::Json attach_one(Handle handle, Process& process, StdioKind kind, const agent::Json& end);
  agent::Json close(const agent::Json& params);
  agent::Json resize(const agent::Json& params);
  void watch_stdio(PollSet& set, Handle handle, Process& process);
  void take_news(agent::yamux::StreamId stream);
  void queue(Handle handle, Process& process);
  StreamTable* streams() { return client_.session() != nullptr ? &streams_ : nullptr; }

  Client& client_;
  Machine& machine_;
  StreamTable streams_;
  std::map<Handle, Process> processes_;
  Handle next_process_ = 1;
  std::map<pid_t, Handle> running_;
  std::deque<Handle> sending_;    // may have output for the client
  std::deque<Handle> collected_;  // their status was told, and is to be acknowledged
  std::deque<Handle> finished_;   // kept, the oldest first
};

}  // namespace vmkit::guest
