// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "vm/console_recorder.hpp"
#include "vm/machine_status.hpp"
#include "vm/qemu/ending.hpp"
#include "vm/qemu/mailbox.hpp"
#include "vm/qemu/process.hpp"

#include <vmkit/base/log.hpp>

namespace vmkit::vm::qemu {

struct MonitorSetup {
  std::string machine = {};  ///< Its name.
  std::string kernel = {};   ///< Its file.
  Launch launch = {};
  std::chrono::milliseconds response_limit{};
  std::chrono::milliseconds boot_watchdog{};  ///< Zero: none.
  bool restores =
      false;  ///< QEMU takes up a saved state; whoever started it says when that is done.
  Logger log = {};
};

/// Readable by other threads while the monitor runs.
class MonitorFacts {
 public:
  /// QEMU first; none: not now.
  std::vector<pid_t> processes() const {
    const std::lock_guard lock(mutex_);
    return processes_;
  }
  void set_processes(std::vector<pid_t> processes) {
    const std::lock_guard lock(mutex_);
    processes_ = std::move(processes);
  }

  std::atomic<unsigned> attempts{0};

 private:
  mutable std::mutex mutex_;
  std::vector<pid_t> processes_;
};

/// The life of one machine, in a thread of its own: spawns QEMU, listens to it, passes commands to
/// it, starts a second one if the first shows no sign of life. Confined to that thread.
class Monitor {
 public:
  Monitor(const MonitorSetup& setup, detail::MachineStatus& status,
          detail::ConsoleRecorder& console, Mailbox& mailbox, MonitorFacts& facts);

  /// Returns the final event when QEMU is gone; enters every state but that.
  MachineEvent run();

 private:
  using Clock = std::chrono::steady_clock;

  Evidence run_once();
  void poll_once(Process& process);
  void watch_daemons(Process& process);
  void check_deadlines(Process& process);
  void serve_mailbox(Process& process);
  void listen(Process& process);
  void handle(const QmpMessage& message, Process& process);
  void handle_reply(const QmpReply& reply);
  void handle_event(const QmpEvent& event);
  void drain(Process& process);
  void kill(Process& process, KillCause cause, std::string text = {});
  void show_life();

  const MonitorSetup& setup_;
  detail::MachineStatus& status_;
  detail::ConsoleRecorder& console_;
  Mailbox& mailbox_;
  MonitorFacts& facts_;

  // Of the present attempt:
  Evidence evidence_;
  std::uint64_t negotiation_id_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Mailbox::Command>> sent_;
  std::optional<Clock::time_point> answer_deadline_;  // nullopt: no answer is due
  std::optional<Clock::time_point> life_deadline_;    // nullopt: seen alive, or not watched
  std::optional<Clock::time_point> daemon_deadline_;  // one has ended: until then QEMU may follow
  std::string daemon_end_;
  bool alive_ = false;
};

}  // namespace vmkit::vm::qemu
