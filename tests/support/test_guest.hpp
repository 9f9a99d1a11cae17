// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <vmkit/vm/config.hpp>

// A guest for tests that boot real machines: a distribution's kernel, and an initramfs with the
// program of guest/init.c and the modules that it needs.
namespace vmkit::test {

/// The folder with vmlinuz and modules/RELEASE. Without one the test case fails where CI is set in
/// the environment, and is skipped with a message elsewhere: see require_guest.
std::filesystem::path kernel_folder();
bool have_guest();

/// A machine of one processor and 128 MiB that boots the test guest; `action` as in init.c.
vm::MachineConfig guest_config(const std::string& name, const std::string& action);
/// The same with a driver for network devices, which does nothing by itself.
vm::MachineConfig network_guest_config(const std::string& name);
/// The same with a kernel that knows USB, which the one for clouds does not.
vm::MachineConfig usb_guest_config(const std::string& name, const std::string& action);

}  // namespace vmkit::test

/// At the start of a test case that boots the guest.
#define VMKIT_REQUIRE_GUEST()                                                                \
  if (!vmkit::test::have_guest()) {                                                          \
    MESSAGE("SKIPPED: no kernel at " << vmkit::test::kernel_folder().string()                \
                                     << " (scripts/fetch-kernel) or no qemu-system-x86_64"); \
    REQUIRE(std::getenv("CI") == nullptr);                                                   \
    return;                                                                                  \
  }
