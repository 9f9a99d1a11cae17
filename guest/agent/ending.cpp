// SPDX-License-Identifier: Apache-2.0
#include "ending.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr std::int64_t max_grace_ms = 24LL * 60 * 60 * 1000;

}  // namespace

void Ending::add_methods(Methods& methods) {
  methods["power_off"] = [this](const Json& params, const Deferred&) { return power_off(params); };
}

void Ending::watch(PollSet& set) {
  if (requested_ && !over_) set.add_timer(grace_end_, [this](short) { over_ = true; });
}

Json Ending::power_off(const Json& params) {
  const int signal = get_or<int>(params, "signal", 0);
  const auto grace_ms = std::min(get_or<std::int64_t>(params, "grace_ms", 0), max_grace_ms);
  if (signal < 0 || signal >= NSIG) {
    throw RpcError(invalid_params, "signal " + std::to_string(signal) + ": no such signal");
  }
  if (signal == 0 || grace_ms <= 0) {
    requested_ = over_ = true;
    return Json::object();
  }
  grace_end_ = Clock::now() + std::chrono::milliseconds(grace_ms);
  requested_ = true;
  processes_.signal_all(signal);
  return Json::object();
}

}  // namespace vmkit::guest
