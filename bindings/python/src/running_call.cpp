// SPDX-License-Identifier: Apache-2.0
#include "running_call.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace vmkit::python {
namespace {

using namespace std::chrono_literals;

// How long a signal may wait for its handler. A call that is over wakes the waiter at once.
constexpr auto signal_interval = 50ms;

// For daemon threads, when the interpreter ends: calls mind a stop within 100 ms.
constexpr auto patience_at_the_end = 5s;

/// The calls that run now, guarded by the GIL.
std::set<const std::function<void()>*>& running_calls() {
  static auto& calls = *new std::set<const std::function<void()>*>;
  return calls;
}

class Registration {
 public:
  explicit Registration(const std::function<void()>& interrupt) : interrupt_(interrupt) {
    running_calls().insert(&interrupt_);
  }
  ~Registration() { running_calls().erase(&interrupt_); }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  const std::function<void()>& interrupt_;
};

/// Runs `work` in a thread of its own, for the main thread to wait for it.
class Worker {
 public:
  explicit Worker(const std::function<void()>& work)
      : thread_([this, &work] {
          try {
            work();
          } catch (...) {
            error_ = std::current_exception();
          }
          const std::lock_guard lock(mutex_);
          done_ = true;
          changed_.notify_one();
        }) {}

  /// Without the GIL. False: not yet.
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, signal_interval, [this] { return done_; });
  }

  /// Once it is done.
  void finish() {
    thread_.join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace

bool is_main_thread() noexcept {
  // As Python decides where to handle signals; the module is imported anywhere.
  static const unsigned long main_thread = [] {
    return py::module_::import("threading")
        .attr("main_thread")()
        .attr("ident")
        .cast<unsigned long>();
  }();
  return PyThread_get_thread_ident() == main_thread;
}

void run(const std::function<void()>& work, const std::function<void()>& interrupt) {
  const Registration registration(interrupt);
  if (!is_main_thread()) {
    const Unlocked unlocked;
    work();
    return;
  }
  Worker worker(work);
  std::optional<py::error_already_set> raised;
  for (;;) {
    {
      const Unlocked unlocked;
      if (worker.wait()) break;
    }
    if (PyErr_CheckSignals() != 0) {
      raised.emplace();  // the last one counts
      const Unlocked unlocked;
      interrupt();
    }
  }
  try {
    worker.finish();
  } catch (...) {
    if (!raised) throw;
  }
  if (raised) throw std::move(*raised);
}

void run(const CallOptions& options, const std::function<void(const CallOptions&)>& work) {
  StopSource stop;
  std::optional<StopCallback> forward;
  if (options.stop.stop_possible()) {
    forward.emplace(options.stop, [&stop] { stop.request_stop(); });
  }
  CallOptions own = options;
  own.stop = stop.token();
  run([&] { work(own); }, [&stop] { stop.request_stop(); });
}

void stop_running_calls() {
  const auto deadline = std::chrono::steady_clock::now() + patience_at_the_end;
  for (const auto* interrupt : running_calls()) (*interrupt)();
  while (!running_calls().empty() && std::chrono::steady_clock::now() < deadline) {
    const Unlocked unlocked;
    std::this_thread::sleep_for(5ms);
  }
}

}  // namespace vmkit::python
