// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <vmkit/base/stop.hpp>

namespace vmkit {
namespace detail {

class StopState {
 public:
  bool stop_requested() const noexcept { return requested_.load(std::memory_order_acquire); }

  /// False if a stop was requested already: then the caller runs the callback itself.
  bool add(StopCallback* callback) {
    std::lock_guard lock(mutex_);
    if (stop_requested()) return false;
    callbacks_.push_back(callback);
    return true;
  }

  void remove(StopCallback* callback) {
    std::unique_lock lock(mutex_);
    if (std::erase(callbacks_, callback) != 0) return;
    // It runs now or has run. In its own thread waiting would be for ever.
    if (running_thread_ == std::this_thread::get_id()) return;
    changed_.wait(lock, [&] { return running_ != callback; });
  }

  void request_stop() noexcept {
    std::unique_lock lock(mutex_);
    if (requested_.exchange(true, std::memory_order_acq_rel)) return;
    changed_.notify_all();
    running_thread_ = std::this_thread::get_id();
    while (!callbacks_.empty()) {
      running_ = callbacks_.back();
      callbacks_.pop_back();
      auto run = running_->callback_;  // the callback may destroy its own StopCallback
      lock.unlock();
      run();
      lock.lock();
      running_ = nullptr;
      changed_.notify_all();
    }
    running_thread_ = {};
  }

  bool wait_for(std::chrono::steady_clock::duration duration) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, duration, [&] { return stop_requested(); });
  }

 private:
  std::atomic<bool> requested_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<StopCallback*> callbacks_;
  StopCallback* running_ = nullptr;
  std::thread::id running_thread_;
};

}  // namespace detail

bool StopToken::stop_requested() const noexcept {
  return state_ && state_->stop_requested();
}

bool StopToken::wait_for(std::chrono::steady_clock::duration duration) const {
  if (state_) return state_->wait_for(duration);
  std::this_thread::sleep_for(duration);
  return false;
}

StopSource::StopSource() : state_(std::make_shared<detail::StopState>()) {}

void StopSource::request_stop() noexcept {
  state_->request_stop();
}

StopCallback::StopCallback(const StopToken& token, std::function<void()> callback)
    : state_(token.state_), callback_(std::move(callback)) {
  if (state_ && !state_->add(this)) {
    state_.reset();
    callback_();
  }
}

StopCallback::~StopCallback() {
  if (state_) state_->remove(this);
}

}  // namespace vmkit
