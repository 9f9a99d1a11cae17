// SPDX-License-Identifier: Apache-2.0
#include "os/process_usage.hpp"

#include <libproc.h>
#include <mach/mach_time.h>
#include <string>
#include <sys/proc_info.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

ProcessUsage process_usage(pid_t pid) {
  proc_taskinfo task;
  if (::proc_pidinfo(pid, PROC_PIDTASKINFO, 0, &task, sizeof task) != sizeof task) {
    throw Error(Errc::not_found, "process " + std::to_string(pid) + ": it is not there any more");
  }
  mach_timebase_info_data_t unit;  // of the kernel's times, in nanoseconds
  ::mach_timebase_info(&unit);
  const std::uint64_t nanoseconds =
      (task.pti_total_user + task.pti_total_system) * unit.numer / unit.denom;
  return {std::chrono::microseconds(nanoseconds / 1000), ByteSize(task.pti_resident_size)};
}

}  // namespace vmkit::os
