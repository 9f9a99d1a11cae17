// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "vm/vz/plan.hpp"

namespace vmkit::vm::vz {
namespace {

const char* yes_no(bool value) {
  return value ? "YES" : "NO";
}

const char* class_of(DiskDevice device) {
  switch (device) {
    case DiskDevice::virtio:
      return "VZVirtioBlockDeviceConfiguration";
    case DiskDevice::nvme:
      return "VZNVMExpressControllerDeviceConfiguration";
    case DiskDevice::usb:
      return "VZUSBMassStorageDeviceConfiguration";
  }
  return "unknown";
}

std::string_view name(DiskCaching caching) {
  switch (caching) {
    case DiskCaching::automatic:
      return "Automatic";
    case DiskCaching::uncached:
      return "Uncached";
    case DiskCaching::cached:
      return "Cached";
  }
  return "?";
}

std::string_view name(DiskSync sync) {
  switch (sync) {
    case DiskSync::full:
      return "Full";
    case DiskSync::fsync:
      return "Fsync";
    case DiskSync::none:
      return "None";
  }
  return "?";
}

/// One object of the plan, as a line.
class Line {
 public:
  Line(std::string& text, const char* type) : text_(text) { text_ += type; }
  ~Line() { text_ += '\n'; }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  Line& set(const char* property, std::string_view value) {
    ((text_ += ' ') += property) += '=';
    text_ += value;
    return *this;
  }

 private:
  std::string& text_;
};

}  // namespace

std::string to_string(const VzPlan& plan) {
  std::string text;
  Line(text, "VZVirtualMachineConfiguration")
      .set("CPUCount", std::to_string(plan.cpu_count))
      .set("memorySize", std::to_string(plan.memory.bytes()));
  Line(text, "VZGenericPlatformConfiguration")
      .set("nestedVirtualizationEnabled", yes_no(plan.nested_virtualization));
  Line(text, "VZLinuxBootLoader")
      .set("kernelURL", plan.kernel.native())
      .set("initialRamdiskURL", plan.initrd_is_bytes  ? "(bytes)"
                                : plan.initrd.empty() ? "nil"
                                                      : plan.initrd.native())
      .set("commandLine", "'" + plan.command_line + "'");
  Line(text, "VZVirtioConsoleDeviceSerialPortConfiguration");
  if (!plan.ports.empty()) {
    std::string names;
    for (const std::string& port : plan.ports) names += (names.empty() ? "" : ",") + port;
    Line(text, "VZVirtioConsoleDeviceConfiguration").set("ports", names);
  }
  for (const PlannedDisk& disk : plan.disks) {
    Line line(text, class_of(disk.device));
    line.set("URL", disk.path.native())
        .set("readOnly", yes_no(disk.read_only))
        .set("cachingMode", name(disk.caching))
        .set("synchronizationMode", name(disk.sync));
    if (disk.device == DiskDevice::virtio) {
      line.set("blockDeviceIdentifier", "'" + disk.identifier + "'");
    }
  }
  for (const std::string& mac : plan.networks) {
    Line(text, "VZVirtioNetworkDeviceConfiguration")
        .set("attachment", "VZNATNetworkDeviceAttachment")
        .set("MACAddress", mac);
  }
  for (const PlannedShare& share : plan.shares) {
    Line(text, "VZVirtioFileSystemDeviceConfiguration")
        .set("tag", share.tag)
        .set("URL", share.path.native())
        .set("readOnly", yes_no(share.read_only));
  }
  if (plan.rosetta) {
    Line(text, "VZVirtioFileSystemDeviceConfiguration")
        .set("tag", rosetta_tag)
        .set("share", "VZLinuxRosettaDirectoryShare");
  }
  if (plan.entropy) Line(text, "VZVirtioEntropyDeviceConfiguration");
  if (plan.balloon) Line(text, "VZVirtioTraditionalMemoryBalloonDeviceConfiguration");
  if (plan.vsock) Line(text, "VZVirtioSocketDeviceConfiguration");
  return text;
}

}  // namespace vmkit::vm::vz
