// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/accelerator.hpp"

#include <sys/sysctl.h>

namespace vmkit::vm::qemu {

const bool host_can_filter_system_calls = false;

HostVirtualization probe_host_virtualization() {
  using Device = HostVirtualization::Device;
  int supported = 0;
  std::size_t size = sizeof supported;
  const bool known = ::sysctlbyname("kern.hv_support", &supported, &size, nullptr, 0) == 0;
  return {host_architecture(), QemuAccelerator::hvf,
          known && supported != 0 ? Device::usable : Device::missing};
}

}  // namespace vmkit::vm::qemu
