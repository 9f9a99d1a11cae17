// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/vm/capabilities.hpp>
#include <vmkit/vm/config.hpp>

// What the backend for Apple's Virtualization.framework decides, without the framework: portable,
// so that every decision and every message is tested on any system. The sources in Objective-C++
// make what a plan says and decide nothing.
namespace vmkit::vm::vz {

enum class Rosetta { not_supported, not_installed, installed };

/// What a plan depends on besides the configuration: one Mac, and what this process may do there.
struct MacFacts {
  bool is_mac = true;  ///< Nothing below counts if it is not.
  unsigned macos_major = 13;
  unsigned macos_minor = 0;
  Architecture architecture = host_architecture();
  bool runs_machines = true;  ///< +[VZVirtualMachine isSupported].
  bool entitled = true;       ///< The program is signed with com.apple.security.virtualization.
  bool may_bridge = false;    ///< And with com.apple.vm.networking.
  unsigned least_cpus = 1;    ///< The framework's limits, as are the next three.
  unsigned most_cpus = 64;
  ByteSize least_memory;
  ByteSize most_memory = ByteSize(1ULL << 40);
  bool nested_virtualization = false;  ///< +isNestedVirtualizationSupported; macOS 15.
  Rosetta rosetta = Rosetta::not_supported;
};

/// A VZVirtioBlockDeviceConfiguration, VZNVMExpressControllerDeviceConfiguration (needs macOS 14)
/// or VZUSBMassStorageDeviceConfiguration on a VZDiskImageStorageDeviceAttachment, or on a
/// VZNetworkBlockDeviceStorageDeviceAttachment (macOS 14).
struct PlannedDisk {
  DiskDevice device = DiskDevice::virtio;
  std::filesystem::path path;
  std::string nbd = {};  ///< Instead of `path`: the server's URL.
  bool read_only = false;
  DiskCaching caching = DiskCaching::cached;
  DiskSync sync = DiskSync::fsync;
  std::string identifier;  ///< Of a virtio disk.
};

/// A VZVirtioFileSystemDeviceConfiguration with a VZSingleDirectoryShare.
struct PlannedShare {
  std::string tag;
  std::filesystem::path path;
  bool read_only = false;
};

/// The class of what a network device is attached to.
enum class NetworkAttachment {
  nat,           ///< VZNATNetworkDeviceAttachment
  vmnet_shared,  ///< VZVmnetNetworkDeviceAttachment (macOS 26) on a network that reaches the world.
  vmnet_host,    ///< The same on one that reaches the Mac only.
  bridged,       ///< VZBridgedNetworkDeviceAttachment
  file_handle,   ///< VZFileHandleNetworkDeviceAttachment
};

/// A VZVirtioNetworkDeviceConfiguration.
struct PlannedNetwork {
  NetworkAttachment attachment = NetworkAttachment::nat;
  std::string mac;
  std::string interface = {};  ///< Of `bridged`.
  std::string subnet = {};     ///< Of vmnet; empty: macOS chooses one.
  unsigned mtu = 0;            ///< Of vmnet and `file_handle`; zero: 1500.
};

/// A VZVirtualMachineConfiguration and all below it: what is to be made, in this order. A machine
/// always has a generic platform and a serial port for its console.
struct VzPlan {
  unsigned cpu_count = 1;
  ByteSize memory;
  bool nested_virtualization = false;  ///< Needs macOS 15.
  std::string machine_identifier;      ///< In base64; empty: a new one.
  /// With it a VZEFIBootLoader, without a VZLinuxBootLoader with the next four.
  std::filesystem::path variable_store;
  std::filesystem::path kernel;
  std::filesystem::path initrd;  ///< Empty: none, or bytes: see `initrd_bytes`.
  bool initrd_is_bytes = false;  ///< The initrd is to be put into a file first.
  std::string command_line;
  std::vector<std::string> ports;  ///< Of one VZVirtioConsoleDeviceConfiguration, in this order.
  std::vector<PlannedDisk> disks;
  std::vector<PlannedNetwork> networks;
  std::vector<PlannedShare> shares;
  bool rosetta = false;  ///< A share with Rosetta; tag rosetta_tag.
  bool entropy = false;
  bool balloon = false;
  bool vsock = false;
  std::optional<Graphics> graphics;
  bool keyboard = false;
  bool pointing_device = false;
  std::optional<Sound> sound;
  bool usb_controller = false;  ///< Needs macOS 15.
  bool clipboard = false;       ///< A further port, the last, for the SPICE agent.
};

/// The plan, or why there is none: `plan` counts only without problems.
struct PlanResult {
  VzPlan plan;
  std::vector<ConfigProblem> problems;  ///< Those of vm::validate, then the Mac's.
};

PlanResult make_plan(const MachineConfig& config, const MacFacts& mac);

/// What such a Mac can do for guests of `architecture`.
Capabilities describe(const MacFacts& mac, Architecture architecture);

/// The plan for people, logs and tests: a line for each object with what is set in it.
std::string to_string(const VzPlan& plan);

}  // namespace vmkit::vm::vz
