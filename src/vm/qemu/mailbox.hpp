// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "os/wait.hpp"
#include "vm/qemu/ending.hpp"
#include "vm/qemu/qmp.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {

/// What other threads want from the thread that runs QEMU. Thread-safe.
class Mailbox {
 public:
  struct Command {
    QmpCommand command;
    bool done = false;  // with the mailbox's lock only, as are these:
    nlohmann::json result = {};
    std::optional<Error> error = {};
  };

  /// Has QEMU execute a command and returns what it answers; or throws its error, cancelled, or
  /// timeout: at the deadline, or after `limit`.
  nlohmann::json execute(QmpCommand command, std::chrono::milliseconds limit,
                         const CallOptions& options);

  /// The first cause counts.
  void request_kill(KillCause cause) noexcept;

  // For the thread that runs QEMU:

  /// For poll(2): readable when there may be something new.
  int fd() const noexcept { return wake_.fd(); }
  void wake() noexcept { wake_.wake(); }
  void clear() noexcept { wake_.clear(); }
  KillCause kill_cause() const noexcept { return kill_cause_; }
  /// The next command that has not been taken.
  std::shared_ptr<Command> take();
  void complete(Command& command, nlohmann::json result);
  void fail(Command& command, Error error);
  /// Fails all commands that nobody has taken, and all that come.
  void close(const Error& error);

 private:
  os::WakePipe wake_;
  std::atomic<KillCause> kill_cause_{KillCause::none};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Command>> commands_;
  std::optional<Error> closed_;
};

}  // namespace vmkit::vm::qemu
