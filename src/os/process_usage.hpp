// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <sys/types.h>

#include <vmkit/base/byte_size.hpp>

namespace vmkit::os {

struct ProcessUsage {
  std::chrono::microseconds cpu_time{0};  ///< Of all its threads, in user and kernel mode.
  ByteSize resident_memory;
};

/// What the process `pid` has taken by now. Throws not_found if there is none.
ProcessUsage process_usage(pid_t pid);

}  // namespace vmkit::os
