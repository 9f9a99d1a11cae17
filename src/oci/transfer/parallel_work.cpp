// SPDX-License-Identifier: Apache-2.0
#include "oci/transfer/parallel_work.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <vmkit/base/error.hpp>

namespace vmkit::oci {

void check_parallel(int count, std::string_view name) {
  constexpr int most = 16;
  if (count >= 1 && count <= most) return;
  throw Error(Errc::invalid_argument, std::string(name) + ": expected 1 to " +
                                          std::to_string(most) + ", found " +
                                          std::to_string(count));
}

ParallelWork::ParallelWork(const CallOptions& options)
    : outer_stop_(options.stop, [this] { stop_.request_stop(); }) {
  inner_.stop = stop_.token();
  inner_.deadline = options.deadline;
  if (!options.progress) return;
  inner_.progress = [this, &options](const Progress& progress) {
    const std::lock_guard lock(progress_mutex_);
    if (failed_) return;
    try {
      options.progress(progress);
    } catch (...) {
      fail(std::current_exception());  // before another thread calls it again
      throw;
    }
  };
}

void ParallelWork::run(std::size_t count, int threads, const std::function<void(std::size_t)>& work,
                       const std::function<void()>& meanwhile) {
  std::atomic<std::size_t> next{0};
  const auto take_items = [&]() noexcept {
    while (!failed_) {
      const std::size_t mine = next++;
      if (mine >= count) return;
      try {
        work(mine);
      } catch (...) {
        fail(std::current_exception());
      }
    }
  };
  std::vector<std::thread> helpers;
  try {
    const std::size_t wanted = std::min(static_cast<std::size_t>(threads), count);
    while (helpers.size() + (meanwhile ? 0 : 1) < wanted) helpers.emplace_back(take_items);
  } catch (const std::system_error&) {
    // Fewer threads only take longer.
  }
  if (!meanwhile || helpers.empty()) take_items();
  if (meanwhile && !failed_) {
    try {
      meanwhile();
    } catch (...) {
      fail(std::current_exception());
    }
  }
  for (std::thread& helper : helpers) helper.join();
  if (first_failure_) std::rethrow_exception(first_failure_);
}

void ParallelWork::fail(std::exception_ptr failure) {
  {
    const std::lock_guard lock(failure_mutex_);
    if (failed_.exchange(true)) return;
    first_failure_ = std::move(failure);
  }
  stop_.request_stop();
}

}  // namespace vmkit::oci
