// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "service.hpp"
#include "worker.hpp"

namespace vmkit::guest {

/// Care for the disks that are mounted for writing: methods freeze, thaw, trim. One at a time, each
/// in a worker, since all of them wait for the disks.
class DiskCare final : public Service {
 public:
  explicit DiskCare(Client& client) : client_(client) {}

  void add_methods(Methods& methods) override;
  void watch(PollSet& set) override;
  bool take_child(pid_t pid, int wait_status) override;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Work { freeze, thaw, trim };
  void freeze(const agent::Json& params, const Deferred& request);
  void thaw(const std::optional<Deferred>& request);
  void start(Work work, std::optional<Deferred> request);
  void read_worker();

  Client& client_;
  Work work_ = Work::freeze;
  std::optional<Worker> worker_;  // that of `work_`, until it has ended
  std::string result_;
  std::optional<Deferred> request_;
  std::optional<Deferred> waiting_thaw_;
  std::optional<Clock::time_point> frozen_until_;  // frozen, or about to be
};

}  // namespace vmkit::guest
