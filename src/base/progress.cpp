// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <vmkit/base/progress.hpp>

namespace vmkit {

ProgressMeter::ProgressMeter(const ProgressCallback& callback, std::string phase,
                             std::string subject, ProgressUnit unit, std::uint64_t total)
    : callback_(callback),
      phase_(std::move(phase)),
      subject_(std::move(subject)),
      unit_(unit),
      total_(total) {}

void ProgressMeter::set(std::uint64_t done) {
  done_ = done;
  if (callback_ && std::chrono::steady_clock::now() >= next_) flush();
}

void ProgressMeter::flush() {
  if (!callback_) return;
  next_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  callback_(Progress{phase_, subject_, unit_, done_, total_});
}

}  // namespace vmkit
