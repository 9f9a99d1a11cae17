// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "fd.hpp"
#include "service.hpp"

namespace vmkit::guest {

/// Tells what becomes of the machine's network interfaces, whoever changes them: event "network".
class NetworkEvents final : public Service {
 public:
  explicit NetworkEvents(Client& client);

  void add_methods(Methods&) override {}
  void watch(PollSet& set) override;

 private:
  using Clock = std::chrono::steady_clock;

  struct Interface {
    bool up = false;
    std::string addresses = {};

    friend bool operator==(const Interface&, const Interface&) = default;
  };
  using Interfaces = std::map<std::string, Interface>;

  /// Nothing if the kernel does not tell.
  static std::optional<Interfaces> look();
  void tell();

  Client& client_;
  Fd news_;  // of the kernel; only that there are some counts
  Interfaces told_;
  Clock::time_point next_ = Clock::now();
  bool due_ = false;
};

}  // namespace vmkit::guest
