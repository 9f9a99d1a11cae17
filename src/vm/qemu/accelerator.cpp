// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/accelerator.hpp"

#include <sstream>

namespace vmkit::vm::qemu {
namespace {

FeatureStatus no(Limitation limitation, std::string reason, std::string way_out = {}) {
  return {Feature::hardware_acceleration, limitation, std::move(reason), std::move(way_out)};
}

FeatureStatus hardware_status(Architecture guest, const HostVirtualization& host) {
  using Device = HostVirtualization::Device;
  if (guest != host.architecture) {
    return no(Limitation::other_architecture, "the guest is " + std::string(to_string(guest)) +
                                                  ", the host " +
                                                  std::string(to_string(host.architecture)));
  }
  const bool kvm = host.kind == QemuAccelerator::kvm;
  switch (host.device) {
    case Device::none_on_this_system:
      return no(Limitation::unsupported_system, "this system has no hypervisor that QEMU can use");
    case Device::missing:
      return no(Limitation::missing_device,
                kvm ? "there is no /dev/kvm" : "this CPU or system has no hypervisor framework",
                kvm ? "load the kvm module; in a virtual machine turn on nested virtualization, in "
                      "a container pass the device in"
                    : "");
    case Device::no_permission:
      return no(Limitation::no_permission, "no permission for /dev/kvm",
                "add the user to the group kvm (usermod -aG kvm USER) and log in again");
    case Device::usable:
      break;
  }
  if (kvm && host.architecture == Architecture::x86_64 && !shows_virtualization(host.cpu_info)) {
    return no(Limitation::cpu_without_virtualization,
              "/dev/kvm is there, but the CPU shows neither vmx nor svm: an ordinary kernel would "
              "hang in it",
              "turn on nested virtualization for this virtual machine");
  }
  return {Feature::hardware_acceleration};
}

}  // namespace

bool shows_virtualization(const std::string& cpu_info) {
  std::istringstream lines(cpu_info);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == "vmx" || word == "svm") return true;
    }
  }
  return false;
}

AcceleratorChoice choose_accelerator(QemuAccelerator wanted, Architecture guest,
                                     const HostVirtualization& host) {
  const FeatureStatus hardware = hardware_status(guest, host);
  if (wanted == QemuAccelerator::tcg) {
    return {QemuAccelerator::tcg,
            no(Limitation::disabled_by_option, "the accelerator tcg was asked for")};
  }
  if (wanted != QemuAccelerator::automatic) return {wanted, hardware};
  return {hardware.available() ? host.kind : QemuAccelerator::tcg, hardware};
}

std::string_view to_string(QemuAccelerator accelerator) noexcept {
  switch (accelerator) {
    case QemuAccelerator::automatic:
      return "automatic";
    case QemuAccelerator::kvm:
      return "kvm";
    case QemuAccelerator::hvf:
      return "hvf";
    case QemuAccelerator::tcg:
      return "tcg";
  }
  return "unknown";
}

}  // namespace vmkit::vm::qemu
