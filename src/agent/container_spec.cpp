// SPDX-License-Identifier: Apache-2.0
#include <vmkit/agent/container_spec.hpp>

namespace vmkit::agent {

const std::vector<std::string>& default_masked_paths() {
  static const std::vector<std::string> paths{"/proc/acpi",
                                              "/proc/asound",
                                              "/proc/interrupts",
                                              "/proc/kcore",
                                              "/proc/keys",
                                              "/proc/latency_stats",
                                              "/proc/sched_debug",
                                              "/proc/scsi",
                                              "/proc/timer_list",
                                              "/proc/timer_stats",
                                              "/sys/devices/virtual/powercap",
                                              "/sys/firmware"};
  return paths;
}

const std::vector<std::string>& default_readonly_paths() {
  static const std::vector<std::string> paths{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                              "/proc/sysrq-trigger"};
  return paths;
}

}  // namespace vmkit::agent
