// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/vm/config.hpp>
#include <vmkit/vm/qemu_backend.hpp>

namespace vmkit::vm::qemu {

/// What a command line depends on besides the configuration.
struct ArgumentsPlan {
  std::filesystem::path binary = {};
  QemuAccelerator accelerator = QemuAccelerator::tcg;
  bool sandbox = false;
  /// How fast the guest's time stamp counter will run: the host's, in kHz. x86-64.
  std::optional<std::uint64_t> tsc_khz = {};
  std::filesystem::path initrd = {};     ///< Empty: none.
  int console_listener = -1;             ///< Likewise, for the console; -1: standard output.
  std::filesystem::path pid_file = {};   ///< Empty: none.
  int qmp_listener = -1;                 ///< A listening unix socket that QEMU inherits.
  std::vector<int> port_listeners = {};  ///< One for each of the configuration's ports.
  /// The socket of each share's daemon; empty for a share over 9p.
  std::vector<std::filesystem::path> share_sockets = {};
  /// For each of the configuration's networks what QEMU inherits for it, or -1.
  std::vector<int> networks = {};
  std::filesystem::path firmware = {};  ///< Its code; with MachineConfig::firmware only.
  std::filesystem::path screen = {};    ///< The socket for VNC; with MachineConfig::graphics only.
  /// An open file that QEMU inherits, at the offset where a saved state begins; -1: it boots.
  int saved_state = -1;
};

/// Devices that the configuration asks for, and how many the machine type has slots for. USB disks
/// have one slot together, and ports of their own.
std::size_t device_count(const MachineConfig& config);
std::size_t most_devices(const MachineConfig& config);
constexpr std::size_t most_usb_disks = 15;
std::size_t usb_disk_count(const MachineConfig& config);

/// The kernel's command line: ours, then the configuration's.
std::string kernel_command_line(const MachineConfig& config, const ArgumentsPlan& plan);

/// The whole command line of QEMU, program first. Console output goes to its standard output. Pure.
std::vector<std::string> build_arguments(const MachineConfig& config, const ArgumentsPlan& plan);

/// The argument of -sandbox.
extern const char* const sandbox_argument;

/// The id that a port's device has in QMP events: "port0", …
std::string port_device_id(std::size_t index);

}  // namespace vmkit::vm::qemu
