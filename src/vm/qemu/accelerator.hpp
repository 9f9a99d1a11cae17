// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <vmkit/vm/capabilities.hpp>
#include <vmkit/vm/config.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace vmkit::vm::qemu {

/// What the host says about hardware virtualization.
struct HostVirtualization {
  enum class Device { none_on_this_system, missing, no_permission, usable };

  Architecture architecture = Architecture::x86_64;
  QemuAccelerator kind = QemuAccelerator::kvm;  ///< kvm or hvf: what this system would have.
  Device device = Device::missing;
  /// x86-64 with KVM: the CPU's own text, "flags : …" among its lines (/proc/cpuinfo).
  std::string cpu_info = {};
};

struct AcceleratorChoice {
  QemuAccelerator accelerator = QemuAccelerator::tcg;         ///< Never automatic.
  FeatureStatus hardware = {Feature::hardware_acceleration};  ///< Why not, if it is tcg.
};

/// True if a CPU in the text of /proc/cpuinfo has the flag `vmx` or `svm`.
bool shows_virtualization(const std::string& cpu_info);

/// Decides how guests of `guest` run. Pure.
///
/// /dev/kvm alone proves nothing on x86-64: a host may be a virtual machine whose KVM runs without
/// the CPU's virtualization extension and only takes specially made guests; an ordinary kernel
/// then spins for ever before its first word. Such a host's CPU shows neither vmx nor svm.
AcceleratorChoice choose_accelerator(QemuAccelerator wanted, Architecture guest,
                                     const HostVirtualization& host);

/// "kvm", "hvf", "tcg".
std::string_view to_string(QemuAccelerator accelerator) noexcept;

/// True where QEMU can have its sandbox. Per platform.
extern const bool host_can_filter_system_calls;

/// Asks this host. Per platform.
HostVirtualization probe_host_virtualization();

}  // namespace vmkit::vm::qemu
