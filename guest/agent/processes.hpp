// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>

#include "machine.hpp"
#include "process.hpp"
#include "service.hpp"

namespace vmkit::guest {

/// The processes that clients start: methods spawn, signal, wait, and their standard streams.
class Processes final : public Service {
 public:
  Processes(Client& client, Machine& machine) : client_(client), machine_(machine) {}

  void add_methods(Methods& methods) override;
  void watch(PollSet& set) override;
  void take_input() override;
  void give_output() override;
  void end_session() override;
  bool take_child(pid_t pid, int wait_status) override;

  bool any_running() const;
  /// Sends a signal to each process that runs, not to its descendants.
  void signal_all(int number);

 private:
  // processes.cpp: the methods, and the processes' beginnings and ends
  void spawn(const agent::Json& params, const Deferred& request);
  agent::Json signal(const agent::Json& params);
  void wait(const agent::Json& params, const Deferred& request);
  Process& process(const agent::Json& params);
  void read_start_result(std::uint64_t handle);
  void answer_waiters(std::uint64_t handle);
  void forget_finished();

  // process_pipes.cpp: their standard streams
  void watch_pipes(PollSet& set, std::uint64_t handle, Process& process);
  void open_pipe(Pipe& pipe, agent::yamux::StreamId stream, const char* name, Fd& theirs);
  void pump_input(Pipe& pipe);
  void pump_output(Pipe& pipe);
  void drain_output(Pipe& pipe);
  void close_pipe(Pipe& pipe);
  void break_input(Pipe& pipe);
  bool room_for_output(const Pipe& pipe);

  Client& client_;
  Machine& machine_;
  std::map<std::uint64_t, Process> processes_;
  std::uint64_t next_process_ = 1;
};

}  // namespace vmkit::guest
