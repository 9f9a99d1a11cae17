// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/accelerator.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "os/descriptor.hpp"
#include "os/file.hpp"

namespace vmkit::vm::qemu {

const bool host_can_filter_system_calls = true;

HostVirtualization probe_host_virtualization() {
  using Device = HostVirtualization::Device;
  HostVirtualization host{host_architecture(), QemuAccelerator::kvm};
  const os::Descriptor kvm(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!kvm) {
    host.device = errno == EACCES || errno == EPERM ? Device::no_permission : Device::missing;
    return host;
  }
  // The device may be there without a hypervisor behind it; making a machine shows it.
  const os::Descriptor machine(::ioctl(kvm.get(), KVM_CREATE_VM, 0UL));
  host.device = machine ? Device::usable : Device::missing;
  host.cpu_info = os::read_file_if_exists("/proc/cpuinfo", ByteSize(16 << 20)).value_or("");
  return host;
}

}  // namespace vmkit::vm::qemu
