// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/inbox.hpp"

#include <utility>

namespace vmkit::vm::vz {

void Inbox::post(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;  // what the task owns ends without the lock: it may post in turn
    tasks_.push_back(std::move(task));
  }
  wake_.wake();
}

std::vector<Inbox::Task> Inbox::take() {
  wake_.clear();
  std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

void Inbox::close() {
  std::vector<Task> dropped;  // likewise
  std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(tasks_);
}

}  // namespace vmkit::vm::vz
