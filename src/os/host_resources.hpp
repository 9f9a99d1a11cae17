// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/base/byte_size.hpp>

namespace vmkit::os {

/// What this process may use of the computer.
struct HostResources {
  unsigned processors = 1;    ///< On which its threads may run.
  ByteSize memory;            ///< Of the computer, or the limit of its control group (Linux).
  ByteSize available_memory;  ///< Of that, what can be had now without swapping.
};

HostResources host_resources();

}  // namespace vmkit::os
