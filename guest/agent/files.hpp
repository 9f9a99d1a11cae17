// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "file_operations.hpp"
#include "machine.hpp"
#include "relay.hpp"
#include "service.hpp"
#include "worker.hpp"

namespace vmkit::guest {

/// Files for the client. Each request has a worker of its own, since file systems may block; the
/// agent only passes its bytes on.
class Files final : public Service {
 public:
  Files(Client& client, Machine& machine) : client_(client), machine_(machine) {}

  void add_methods(Methods& methods) override;
  void watch(PollSet& set) override;
  void take_input() override;
  void give_output() override;
  void end_session() override;
  bool take_child(pid_t pid, int wait_status) override;

 private:
  struct Task {
    Worker worker;
    std::string result;
    std::optional<Deferred> request;
    std::optional<Relay> relay;
    bool exited = false;
  };
  void start(const FileMethod& method, const agent::Json& params, const Deferred& request);
  void start_with_stream(const FileMethod& method, const agent::Json& params,
                         const Deferred& request, agent::yamux::StreamId stream);
  int root_for_one_more();
  void read_worker(Task& task);
  void forget_finished();

  Client& client_;
  Machine& machine_;
  std::map<std::uint64_t, Task> tasks_;
  std::uint64_t next_task_ = 1;
};

}  // namespace vmkit::guest
