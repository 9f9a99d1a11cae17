// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "os/descriptor.hpp"
#include "vm/console_recorder.hpp"
#include "vm/machine_status.hpp"
#include "vm/vz/framework.hpp"
#include "vm/vz/inbox.hpp"
#include "vm/vz/port.hpp"
#include "vm/vz/restart_watch.hpp"
#include "vm/vz/vsock_listener.hpp"

#include <vmkit/base/log.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::vm::vz {

/// Why we pulled a machine's plug, if we did.
enum class KillCause {
  none,
  requested,        ///< By the caller.
  start_given_up,   ///< start() was stopped or late.
  no_sign_of_life,  ///< The watchdog.
  restart,          ///< The guest panicked, or wants to boot again.
};

/// What a run is made with.
struct RunSetup {
  std::string machine;  ///< Its name.
  VzPlan plan;
  std::chrono::milliseconds response_limit{0};
  std::chrono::milliseconds boot_watchdog{0};  ///< Zero: none.
  std::vector<os::Descriptor> networks = {};   ///< As MachineDescriptors has them.
  std::filesystem::path saved_state = {};      ///< If not empty: it goes on from there.
  Logger log = {};
};

/// One boot of a machine, from nothing to the end, in one thread: everything that happens comes to
/// that thread through an inbox. Confined, but for what is said to be for others.
class Run {
 public:
  /// `kill_cause` is set by others, who then wake the inbox.
  Run(const RunSetup& setup, Framework& framework, detail::MachineStatus& status,
      detail::ConsoleRecorder& console, std::atomic<KillCause>& kill_cause);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// For other threads, which may keep it longer than the run. Its tasks run while run() does.
  const std::shared_ptr<Inbox>& inbox() const noexcept { return inbox_; }
  /// For other threads: the host's ends of the plan's ports.
  const std::vector<std::shared_ptr<PortEnd>>& ports() const noexcept { return ports_; }

  /// Blocks until the machine has ended and nothing of it is left. The final event; its error does
  /// not name the machine. Throws if the framework would not have the machine at all.
  MachineEvent run();

  /// The watchdog ended it, so that another try may help.
  bool was_silent() const noexcept { return silent_; }

  // For tasks of the inbox:
  /// Null when the machine has ended and its objects are being let go.
  VirtualMachine* machine() noexcept { return machine_.get(); }
  void paused();
  void resumed();
  /// What listens on vsock ports of the host.
  std::map<std::uint32_t, std::shared_ptr<VsockBacklog>> listeners;
  /// The disks that were plugged in, or are just being.
  std::set<std::string> attached_disks;

 private:
  using Clock = std::chrono::steady_clock;

  MachineListener listener();
  Completion then(void (Run::*handle)(std::optional<Error>));
  void poll_once();
  void check();
  void started(std::optional<Error> error);
  void restored(std::optional<Error> error);
  bool came_up(const std::optional<Error>& error);
  void stopped(std::optional<Error> error);
  void show_life();
  void expect_life();
  bool read_console();
  void pull_plug(KillCause cause);
  void release();
  void end(MachineEvent event);
  MachineEvent judge_kill() const;

  const RunSetup& setup_;
  Framework& framework_;
  detail::MachineStatus& status_;
  detail::ConsoleRecorder& console_;
  std::atomic<KillCause>& kill_cause_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::vector<std::shared_ptr<PortEnd>> ports_;
  MachineDescriptors theirs_;
  os::Descriptor console_fd_;
  std::unique_ptr<VirtualMachine> machine_;
  RestartWatch restart_watch_;
  KillCause cause_ = KillCause::none;  // of the plug being pulled
  bool up_ = false;
  bool alive_ = false;
  bool silent_ = false;
  bool released_ = false;
  std::optional<Clock::time_point> answer_deadline_;
  std::optional<Clock::time_point> life_deadline_;
  std::optional<Clock::time_point> next_stop_;  // to ask for it again
  std::optional<MachineEvent> end_;
};

}  // namespace vmkit::vm::vz
