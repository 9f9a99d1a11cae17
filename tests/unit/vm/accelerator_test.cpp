// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/accelerator.hpp"

#include <doctest/doctest.h>

using namespace vmkit::vm;
using namespace vmkit;
using namespace vmkit::vm::qemu;
using Device = HostVirtualization::Device;

namespace {

constexpr const char* intel =
    "processor\t: 0\nmodel name\t: Intel(R) Xeon(R)\nflags\t\t: fpu vme tsc vmx ssse3\nbugs\t\t:\n";
constexpr const char* amd = "processor\t: 0\nflags\t\t: fpu svm sse4a\n";
// A virtual machine without nested virtualization; the letters occur, the flags do not.
constexpr const char* guest =
    "processor\t: 0\nmodel name\t: vmx svm\nflags\t\t: fpu vme hypervisor vmxnet svm_lock\n"
    "vmx flags\t:\n";

AcceleratorChoice choose(QemuAccelerator wanted, Architecture guest_architecture,
                         const HostVirtualization& host) {
  return choose_accelerator(wanted, guest_architecture, host);
}

}  // namespace

TEST_CASE("accelerator: vmx and svm count as flags of the CPU only") {
  CHECK(shows_virtualization(intel));
  CHECK(shows_virtualization(amd));
  CHECK_FALSE(shows_virtualization(guest));
  CHECK_FALSE(shows_virtualization(""));
}

TEST_CASE("accelerator: the automatic choice and its reason") {
  const auto x86 = Architecture::x86_64;
  const auto arm = Architecture::arm64;
  const auto kvm = QemuAccelerator::kvm;
  const auto hvf = QemuAccelerator::hvf;
  const auto tcg = QemuAccelerator::tcg;
  struct Row {
    Architecture guest;
    HostVirtualization host;
    QemuAccelerator expected;
    Limitation limitation;
  };
  const Row rows[] = {
      {x86, {x86, kvm, Device::usable, intel}, kvm, Limitation::none},
      {x86, {x86, kvm, Device::usable, amd}, kvm, Limitation::none},
      {x86, {x86, kvm, Device::usable, guest}, tcg, Limitation::cpu_without_virtualization},
      {x86, {x86, kvm, Device::usable, ""}, tcg, Limitation::cpu_without_virtualization},
      {x86, {x86, kvm, Device::no_permission, intel}, tcg, Limitation::no_permission},
      {x86, {x86, kvm, Device::missing, intel}, tcg, Limitation::missing_device},
      {arm, {arm, kvm, Device::usable, ""}, kvm, Limitation::none},
      {arm, {x86, kvm, Device::usable, intel}, tcg, Limitation::other_architecture},
      {x86, {x86, hvf, Device::usable, ""}, hvf, Limitation::none},
      {arm, {arm, hvf, Device::missing, ""}, tcg, Limitation::missing_device},
      {x86, {x86, kvm, Device::none_on_this_system, ""}, tcg, Limitation::unsupported_system},
  };
  for (const Row& row : rows) {
    CAPTURE(static_cast<int>(row.limitation));
    const auto choice = choose(QemuAccelerator::automatic, row.guest, row.host);
    CHECK(choice.accelerator == row.expected);
    CHECK(choice.hardware.limitation == row.limitation);
    CHECK(choice.hardware.reason.empty() == choice.hardware.available());
  }
}

TEST_CASE("accelerator: the host application has the last word") {
  const HostVirtualization fine{Architecture::x86_64, QemuAccelerator::kvm, Device::usable, intel};
  const auto off = choose(QemuAccelerator::tcg, Architecture::x86_64, fine);
  CHECK(off.accelerator == QemuAccelerator::tcg);
  CHECK(off.hardware.limitation == Limitation::disabled_by_option);
  const HostVirtualization odd{Architecture::x86_64, QemuAccelerator::kvm, Device::usable, guest};
  CHECK(choose(QemuAccelerator::kvm, Architecture::x86_64, odd).accelerator ==
        QemuAccelerator::kvm);
}

TEST_CASE("accelerator: the ways out are named") {
  const HostVirtualization denied{Architecture::x86_64, QemuAccelerator::kvm, Device::no_permission,
                                  intel};
  const auto choice = choose(QemuAccelerator::automatic, Architecture::x86_64, denied);
  CHECK(choice.hardware.reason == "no permission for /dev/kvm");
  CHECK(choice.hardware.way_out.find("usermod -aG kvm") != std::string::npos);
}
