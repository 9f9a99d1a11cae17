// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/base/byte_size.hpp>

namespace vmkit::vm {

/// What of this computer this process may use for machines.
struct HostResources {
  unsigned processors = 1;
  ByteSize memory;            ///< On Linux also limited by the process's control groups.
  ByteSize available_memory;  ///< Of that, what is free now or could be without swapping.
};

/// As of now. Linux: sched_getaffinity(2), proc_meminfo(5), memory.max of cgroups(7).
HostResources host_resources();

/// How large a machine may be without being in the way of what else the host does.
struct MachineSize {
  unsigned cpu_count = 1;
  ByteSize memory;  ///< In whole MiB.
};

/// For one machine: half of the processors, at most 8; a quarter of the memory, but at most half of
/// what is available and 8 GiB, and at least 128 MiB, with which a small Linux runs.
MachineSize recommended_size(const HostResources& resources) noexcept;
inline MachineSize recommended_size() {
  return recommended_size(host_resources());
}

}  // namespace vmkit::vm
