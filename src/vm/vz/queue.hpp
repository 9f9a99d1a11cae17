// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dispatch/dispatch.h>
#include <utility>

namespace vmkit::vm::vz {

/// The serial queue of one machine. The framework ends the process if it is called, asked for
/// anything, or loses its last reference anywhere else. Copies are the same queue; thread-safe.
class Queue {
 public:
  Queue() : queue_(dispatch_queue_create("vmkit.machine", DISPATCH_QUEUE_SERIAL)) {}
  Queue(const Queue& other) : queue_(other.queue_) { dispatch_retain(queue_); }
  Queue& operator=(Queue other) noexcept {
    std::swap(queue_, other.queue_);
    return *this;
  }
  ~Queue() { dispatch_release(queue_); }

  dispatch_queue_t get() const noexcept { return queue_; }

  void async(void (^block)()) const { dispatch_async(queue_, block); }
  /// Returns when it is done. Never on the queue itself.
  void sync(void (^block)()) const { dispatch_sync(queue_, block); }

 private:
  dispatch_queue_t queue_;
};

}  // namespace vmkit::vm::vz
