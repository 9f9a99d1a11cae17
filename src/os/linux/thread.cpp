// SPDX-License-Identifier: Apache-2.0
#include "os/thread.hpp"

#include <sys/resource.h>

namespace vmkit::os {

void lower_thread_priority() noexcept {
  constexpr int nice = 10;               // a tenth of what another thread gets
  ::setpriority(PRIO_PROCESS, 0, nice);  // not the process: each thread has its own here
}

}  // namespace vmkit::os
