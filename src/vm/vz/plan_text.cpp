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

const char* class_of(NetworkAttachment attachment) {
  switch (attachment) {
    case NetworkAttachment::nat:
      return "VZNATNetworkDeviceAttachment";
    case NetworkAttachment::vmnet_shared:
    case NetworkAttachment::vmnet_host:
      return "VZVmnetNetworkDeviceAttachment";
    case NetworkAttachment::bridged:
      return "VZBridgedNetworkDeviceAttachment";
    case NetworkAttachment::file_handle:
      return "VZFileHandleNetworkDeviceAttachment";
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
      .set("nestedVirtualizationEnabled", yes_no(plan.nested_virtualization))
      .set("machineIdentifier",
           plan.machine_identifier.empty() ? "(new)" : plan.machine_identifier);
  if (plan.variable_store.empty()) {
    Line(text, "VZLinuxBootLoader")
        .set("kernelURL", plan.kernel.native())
        .set("initialRamdiskURL", plan.initrd_is_bytes  ? "(bytes)"
                                  : plan.initrd.empty() ? "nil"
                                                        : plan.initrd.native())
        .set("commandLine", "'" + plan.command_line + "'");
  } else {
    Line(text, "VZEFIBootLoader").set("variableStore", plan.variable_store.native());
  }
  Line(text, "VZVirtioConsoleDeviceSerialPortConfiguration");
  if (!plan.ports.empty() || plan.clipboard) {
    std::string names;
    for (const std::string& port : plan.ports) names += (names.empty() ? "" : ",") + port;
    if (plan.clipboard) names += (names.empty() ? "" : ",") + std::string(clipboard_port);
    Line(text, "VZVirtioConsoleDeviceConfiguration").set("ports", names);
  }
  for (const PlannedDisk& disk : plan.disks) {
    Line line(text, class_of(disk.device));
    if (disk.nbd.empty()) {
      line.set("URL", disk.path.native())
          .set("readOnly", yes_no(disk.read_only))
          .set("cachingMode", name(disk.caching))
          .set("synchronizationMode", name(disk.sync));
    } else {
      line.set("attachment", "VZNetworkBlockDeviceStorageDeviceAttachment")
          .set("URL", disk.nbd)
          .set("forcedReadOnly", yes_no(disk.read_only))
          .set("synchronizationMode", disk.sync == DiskSync::none ? "None" : "Full");
    }
    if (disk.device == DiskDevice::virtio) {
      line.set("blockDeviceIdentifier", "'" + disk.identifier + "'");
    }
  }
  for (const PlannedNetwork& network : plan.networks) {
    Line line(text, "VZVirtioNetworkDeviceConfiguration");
    line.set("attachment", class_of(network.attachment)).set("MACAddress", network.mac);
    switch (network.attachment) {
      case NetworkAttachment::nat:
        break;
      case NetworkAttachment::vmnet_shared:
      case NetworkAttachment::vmnet_host:
        line.set("mode", network.attachment == NetworkAttachment::vmnet_host ? "host" : "shared")
            .set("subnet", network.subnet.empty() ? "any" : network.subnet)
            .set("mtu", std::to_string(network.mtu));
        break;
      case NetworkAttachment::bridged:
        line.set("interface", network.interface);
        break;
      case NetworkAttachment::file_handle:
        line.set("maximumTransmissionUnit", std::to_string(network.mtu));
        break;
    }
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
  if (plan.graphics) {
    Line(text, "VZVirtioGraphicsDeviceConfiguration")
        .set("widthInPixels", std::to_string(plan.graphics->width))
        .set("heightInPixels", std::to_string(plan.graphics->height));
  }
  if (plan.keyboard) Line(text, "VZUSBKeyboardConfiguration");
  if (plan.pointing_device) Line(text, "VZUSBScreenCoordinatePointingDeviceConfiguration");
  if (plan.sound) {
    Line(text, "VZVirtioSoundDeviceConfiguration")
        .set("output", yes_no(plan.sound->output))
        .set("input", yes_no(plan.sound->input));
  }
  if (plan.usb_controller) Line(text, "VZXHCIControllerConfiguration");
  return text;
}

}  // namespace vmkit::vm::vz
