// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "container_spec.hpp"

namespace vmkit::guest {

/// Lets the processes of a cgroup open only the devices that every container has, and these; nodes
/// they may make of all. A kernel that cannot do it (no CGROUP_BPF) is no error, but is logged.
void limit_devices(int cgroup, const std::vector<DeviceSpec>& devices);

}  // namespace vmkit::guest
