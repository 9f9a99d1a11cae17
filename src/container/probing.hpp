// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include <vmkit/agent/client.hpp>
#include <vmkit/base/stop.hpp>
#include <vmkit/container/probe.hpp>
#include <vmkit/oci/image_config.hpp>

namespace vmkit::container {

/// What a probe needs of its container.
struct ProbeTarget {
  std::function<agent::Client&()> agent;
  std::function<agent::Process(const ProcessOptions&, const CallOptions&)> exec;
};

/// One try: empty if it succeeded, otherwise why not. Throws cancelled and timeout of `options`,
/// and unavailable if the session with the guest is lost.
std::string try_probe(const Probe& probe, const ProbeTarget& target, const CallOptions& options);

/// Tries until it succeeds; see Container::wait_ready().
void wait_ready(const Probe& probe, const ProbeTarget& target, const CallOptions& options);

/// The check of an image; nothing if it has none, or wants none.
std::optional<Probe> probe_of(const std::optional<oci::Healthcheck>& check);

/// Checks a container's health for as long as it lives, in a thread of its own. Thread-safe.
class HealthMonitor {
 public:
  /// `handler` is told each change of the state, first that it is starting, in the monitor's
  /// thread.
  using Handler = std::function<void(const Health&)>;
  HealthMonitor(Probe probe, ProbeTarget target, Handler handler);
  ~HealthMonitor();
  HealthMonitor(const HealthMonitor&) = delete;
  HealthMonitor& operator=(const HealthMonitor&) = delete;

  Health health() const;

 private:
  void run(const Handler& handler);

  const Probe probe_;
  const ProbeTarget target_;
  StopSource stop_;
  mutable std::mutex mutex_;  // guards what follows
  Health health_{HealthState::starting};
  std::thread thread_;
};

}  // namespace vmkit::container
