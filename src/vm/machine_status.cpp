// SPDX-License-Identifier: Apache-2.0
#include "vm/machine_status.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

namespace vmkit::vm::detail {

bool is_final(MachineState state) noexcept {
  return state == MachineState::stopped || state == MachineState::failed;
}

bool may_follow(MachineState from, MachineState to) noexcept {
  switch (to) {
    case MachineState::created:
      return false;
    case MachineState::starting:
      return from == MachineState::created;
    case MachineState::running:
      return from == MachineState::starting || from == MachineState::paused;
    case MachineState::paused:
      return from == MachineState::starting || from == MachineState::running;
    case MachineState::stopping:
      return from == MachineState::starting || from == MachineState::running ||
             from == MachineState::paused;
    case MachineState::stopped:
    case MachineState::failed:
      return !is_final(from);
  }
  return false;
}

class MachineStatus::Subscriber {
 public:
  explicit Subscriber(MachineEventHandler handler) : handler_(std::move(handler)) {}

  void call(const MachineEvent& event) {
    std::lock_guard lock(calling_);
    if (!active_) return;
    caller_ = std::this_thread::get_id();
    handler_(event);
    caller_ = std::thread::id();
  }

  /// After this the handler is not running, unless it is the handler that asks.
  void end() {
    if (caller_ == std::this_thread::get_id()) {
      active_ = false;
      return;
    }
    std::lock_guard lock(calling_);
    active_ = false;
  }

  bool active() const noexcept { return active_; }

 private:
  MachineEventHandler handler_;
  std::mutex calling_;
  std::atomic<bool> active_{true};
  std::atomic<std::thread::id> caller_{};
};

MachineStatus::MachineStatus() = default;
MachineStatus::~MachineStatus() = default;

MachineState MachineStatus::state() const noexcept {
  std::lock_guard lock(mutex_);
  return state_;
}

bool MachineStatus::enter(MachineState state, MachineEventReason reason,
                          std::optional<Error> error) {
  std::unique_lock lock(mutex_);
  if (!may_follow(state_, state)) return false;
  change(lock, MachineEvent{state, reason, std::move(error)});
  return true;
}

bool MachineStatus::enter_from(MachineState from, MachineState state, MachineEventReason reason) {
  std::unique_lock lock(mutex_);
  if (state_ != from) return false;
  change(lock, MachineEvent{state, reason});
  return true;
}

void MachineStatus::change(std::unique_lock<std::mutex>& lock, MachineEvent event) {
  state_ = event.state;
  if (is_final(state_)) final_ = event;
  changed_.notify_all();
  publish(lock, std::move(event));
}

void MachineStatus::announce(MachineEventReason reason, std::optional<Error> error) {
  std::unique_lock lock(mutex_);
  publish(lock, MachineEvent{state_, reason, std::move(error)});
}

// Handlers run without the lock, one event at a time and in order: whoever finds nobody delivering
// delivers, also what others add meanwhile.
void MachineStatus::publish(std::unique_lock<std::mutex>& lock, MachineEvent event) {
  undelivered_.push_back(std::move(event));
  if (delivering_) return;
  delivering_ = true;
  while (!undelivered_.empty()) {
    const MachineEvent next = std::move(undelivered_.front());
    undelivered_.pop_front();
    std::erase_if(subscribers_, [](const auto& subscriber) { return !subscriber->active(); });
    const auto subscribers = subscribers_;
    lock.unlock();
    for (const auto& subscriber : subscribers) subscriber->call(next);
    lock.lock();
  }
  delivering_ = false;
  changed_.notify_all();
}

MachineState MachineStatus::wait_for(const std::function<bool(MachineState)>& wanted,
                                     std::string_view what, const CallOptions& options) {
  const StopCallback on_stop(options.stop, [this] {
    std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  // Who has seen the end may end its subscription, and has seen all events by then.
  const auto reached = [&] { return wanted(state_) && !(is_final(state_) && delivering_); };
  while (!reached()) {
    options.check(what);
    changed_.wait_for(lock, options.remaining(std::chrono::hours(1)));
  }
  return state_;
}

MachineEvent MachineStatus::final_event() const {
  std::lock_guard lock(mutex_);
  return final_.value();
}

EventSubscription MachineStatus::subscribe(MachineEventHandler handler) {
  auto subscriber = std::make_shared<Subscriber>(std::move(handler));
  {
    std::lock_guard lock(mutex_);
    subscribers_.push_back(subscriber);
  }
  return EventSubscription(
      std::shared_ptr<void>(nullptr, [subscriber](void*) { subscriber->end(); }));
}

}  // namespace vmkit::vm::detail
