// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/request.hpp"

#include <utility>

namespace vmkit::vm::vz {

void Request::finish(std::optional<Error> error) {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  error_ = std::move(error);
  changed_.notify_all();
}

void Request::wait(std::string_view what, std::chrono::milliseconds limit,
                   const CallOptions& options) {
  const CallOptions limited = options.with_timeout(limit);
  const StopCallback on_stop(options.stop, [this] {
    std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  while (!finished_) {
    limited.check(what);
    changed_.wait_for(lock, limited.remaining(std::chrono::hours(1)));
  }
  if (error_) throw *error_;
}

std::shared_ptr<Request> make_request_handle(std::shared_ptr<Request> request, Error otherwise) {
  Request* const raw = request.get();
  return {raw, [request = std::move(request), otherwise = std::move(otherwise)](Request*) {
            request->finish(otherwise);
          }};
}

}  // namespace vmkit::vm::vz
