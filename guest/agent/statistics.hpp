// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "machine.hpp"
#include "service.hpp"

namespace vmkit::guest {

/// What the container uses: methods statistics and top, and the event "oom".
class Statistics final : public Service {
 public:
  Statistics(Client& client, Machine& machine) : client_(client), machine_(machine) {}

  void add_methods(Methods& methods) override;
  void watch(PollSet& set) override;

 private:
  agent::Json statistics();
  void watch_memory(const Container& container);
  void look_for_kills();

  Client& client_;
  Machine& machine_;
  Fd memory_events_;
  bool watched_ = false;
  std::uint64_t killed_ = 0;
};

}  // namespace vmkit::guest
