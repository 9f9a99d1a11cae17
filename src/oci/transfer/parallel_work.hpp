// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>

#include <vmkit/base/call_options.hpp>

namespace vmkit::oci {

/// Throws invalid_argument unless `count` is 1 to 16. `name` is the option's.
void check_parallel(int count, std::string_view name);

/// Does the same for each of many items, several at once. The first failure, that of the progress
/// callback included, ends all and is what run() throws. Confined, but for options() in the work.
class ParallelWork {
 public:
  /// `options` must outlive this.
  explicit ParallelWork(const CallOptions& options);

  /// For the work: it stops when the caller's does or when anything failed, and its progress
  /// callback may be used by all threads.
  const CallOptions& options() const { return inner_; }

  /// Calls work(0) to work(count - 1), in up to `threads` threads of which this one is one; or, if
  /// there is something to do `meanwhile`, all of them are others and this one does that, once.
  void run(std::size_t count, int threads, const std::function<void(std::size_t)>& work,
           const std::function<void()>& meanwhile = {});

 private:
  void fail(std::exception_ptr failure);

  StopSource stop_;
  StopCallback outer_stop_;
  CallOptions inner_;
  std::mutex progress_mutex_;
  std::mutex failure_mutex_;
  std::atomic<bool> failed_{false};
  std::exception_ptr first_failure_;
};

}  // namespace vmkit::oci
