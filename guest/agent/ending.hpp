// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "processes.hpp"
#include "service.hpp"

namespace vmkit::guest {

/// The end of the machine: method power_off. The processes that clients have started are asked to
/// end first; when they have, or their time is over, so is everything.
class Ending final : public Service {
 public:
  explicit Ending(Processes& processes) : processes_(processes) {}

  void add_methods(Methods& methods) override;
  void watch(PollSet& set) override;

  /// Nobody is to be waited for any more.
  bool due() const { return requested_ && (over_ || !processes_.any_running()); }

 private:
  agent::Json power_off(const agent::Json& params);

  Processes& processes_;
  using Clock = std::chrono::steady_clock;
  Clock::time_point grace_end_{};
  bool requested_ = false;
  bool over_ = false;
};

}  // namespace vmkit::guest
