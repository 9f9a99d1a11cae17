// SPDX-License-Identifier: Apache-2.0
#include "os/thread.hpp"

#include <pthread.h>
#include <pthread/qos.h>

namespace vmkit::os {

void lower_thread_priority() noexcept {
  ::pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0);
}

}  // namespace vmkit::os
