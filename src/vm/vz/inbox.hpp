// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "os/wait.hpp"

namespace vmkit::vm::vz {

/// What is to be done by the one thread of a machine, in order. Other threads and the framework's
/// callbacks own it together with that thread, and may come after its end. Thread-safe.
class Inbox {
 public:
  using Task = std::function<void()>;

  /// After close() the task is dropped, in this thread.
  void post(Task task);

  /// Has the thread look around, without a task.
  void wake() noexcept { wake_.wake(); }

  // For the thread of the machine:

  /// For poll(2): readable when there may be tasks.
  int fd() const noexcept { return wake_.fd(); }
  /// The tasks that have come since.
  std::vector<Task> take();
  /// Drops what has come and what comes.
  void close();

 private:
  os::WakePipe wake_;
  std::mutex mutex_;
  std::vector<Task> tasks_;
  bool closed_ = false;
};

}  // namespace vmkit::vm::vz
