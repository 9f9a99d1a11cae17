// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

namespace vmkit::container {

/// Something that happened to a container or in it.
///
/// | type | when | attributes |
/// | --- | --- | --- |
/// | starting, started, paused, resumed, stopping, boot_retried | the machine | |
/// | ready | processes can be started | |
/// | ended | the machine has ended; the last event | reason (vm::MachineEventReason), message |
/// | exit | a process of exec() has ended | process, pid, and code or signal |
/// | oom | the kernel has killed for want of memory | killed: how many |
/// | thawed | disks were frozen for too long | |
/// | network | a network interface is not as it was | interface, state (up, down, gone), addresses |
/// | health | the health has changed | status: starting, healthy, unhealthy |
/// | connection_lost, connection_restored | the channel to the guest's agent | message |
/// | lost | the handlers were too slow | count: events that are missing |
///
/// What a newer agent tells besides comes as it is. Attributes of things in the guest are told by
/// the guest: do not trust them.
struct ContainerEvent {
  std::chrono::system_clock::time_point time = {};  ///< When the host learnt of it.
  std::string type;
  std::map<std::string, std::string, std::less<>> attributes = {};
};

/// Should return soon, since others wait; must not destroy the container or end the subscription
/// that it belongs to. What it throws is dropped. Called in threads of the library's, one event at
/// a time.
using ContainerEventHandler = std::function<void(const ContainerEvent&)>;

}  // namespace vmkit::container
