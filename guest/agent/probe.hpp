// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <unordered_map>

#include "service.hpp"

namespace vmkit::guest {

/// How fast the channel is: method probe gives a stream zeros and drops what comes in it.
class Probe final : public Service {
 public:
  explicit Probe(Client& client) : client_(client) {}

  void add_methods(Methods& methods) override;
  void take_input() override;
  void give_output() override;
  void end_session() override { left_.clear(); }

 private:
  agent::Json start(const agent::Json& params);

  Client& client_;
  std::unordered_map<agent::yamux::StreamId, std::uint64_t> left_;  // bytes still to be sent
};

}  // namespace vmkit::guest
