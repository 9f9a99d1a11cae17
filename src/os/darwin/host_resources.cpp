// SPDX-License-Identifier: Apache-2.0
#include "os/host_resources.hpp"

#include <algorithm>
#include <cstdint>
#include <mach/mach.h>
#include <sys/sysctl.h>
#include <thread>
#include <unistd.h>

namespace vmkit::os {

HostResources host_resources() {
  HostResources resources;
  resources.processors = std::max(1U, std::thread::hardware_concurrency());
  std::uint64_t memory = 0;
  std::size_t size = sizeof memory;
  ::sysctlbyname("hw.memsize", &memory, &size, nullptr, 0);
  resources.memory = ByteSize(memory);
  vm_statistics64_data_t pages{};
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  const mach_port_t host = ::mach_host_self();
  if (::host_statistics64(host, HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages), &count) ==
      KERN_SUCCESS) {
    // Inactive pages are given up before anything is swapped.
    const std::uint64_t free = pages.free_count + pages.inactive_count + pages.purgeable_count;
    resources.available_memory =
        ByteSize(std::min(memory, free * static_cast<std::uint64_t>(::getpagesize())));
  }
  ::mach_port_deallocate(::mach_task_self(), host);
  return resources;
}

}  // namespace vmkit::os
