// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::vm::detail {

/// True if a machine in `from` may come into `to`.
bool may_follow(MachineState from, MachineState to) noexcept;

/// True for the states that a machine does not leave.
bool is_final(MachineState state) noexcept;

/// The state of one machine and who wants to hear of it: the same for every backend. Thread-safe.
class MachineStatus {
 public:
  MachineStatus();
  ~MachineStatus();

  MachineState state() const noexcept;

  /// Comes into `state` and tells the subscribers; false, and nothing happens, if that may not
  /// follow the present one.
  bool enter(MachineState state, MachineEventReason reason, std::optional<Error> error = {});

  /// The same, but only from exactly `from`.
  bool enter_from(MachineState from, MachineState state, MachineEventReason reason);

  /// Tells the subscribers something that does not change the state.
  void announce(MachineEventReason reason, std::optional<Error> error = {});

  /// Blocks until `wanted(state)`, and if that is a final state, until the handlers have been
  /// called with it; returns the state. Throws cancelled or timeout, naming `what`.
  MachineState wait_for(const std::function<bool(MachineState)>& wanted, std::string_view what,
                        const CallOptions& options = {});

  /// The event that ended the machine. Only in a final state.
  MachineEvent final_event() const;

  EventSubscription subscribe(MachineEventHandler handler);

 private:
  class Subscriber;

  void change(std::unique_lock<std::mutex>& lock, MachineEvent event);
  void publish(std::unique_lock<std::mutex>& lock, MachineEvent event);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  MachineState state_ = MachineState::created;
  std::optional<MachineEvent> final_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  std::deque<MachineEvent> undelivered_;
  bool delivering_ = false;  // some thread is calling handlers and will take what is added
};

/// What a driver's start() does when its run has begun: waits until the machine is not starting any
/// more, and throws if it is not going to run. A caller who gives up has `give_up` called, which
/// leads to a final state, and that is waited for too. `what` is "machine NAME".
void wait_started(MachineStatus& status, const std::string& what, const CallOptions& options,
                  const std::function<void()>& give_up);

}  // namespace vmkit::vm::detail
