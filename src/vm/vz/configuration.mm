// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/configuration.hpp"

#include <utility>

#include "vm/vz/foundation.hpp"

namespace vmkit::vm::vz {
namespace {

VZDiskImageCachingMode to_vz(DiskCaching caching) {
  switch (caching) {
    case DiskCaching::automatic:
      return VZDiskImageCachingModeAutomatic;
    case DiskCaching::uncached:
      return VZDiskImageCachingModeUncached;
    case DiskCaching::cached:
      return VZDiskImageCachingModeCached;
  }
}

VZDiskImageSynchronizationMode to_vz(DiskSync sync) {
  switch (sync) {
    case DiskSync::full:
      return VZDiskImageSynchronizationModeFull;
    case DiskSync::fsync:
      return VZDiskImageSynchronizationModeFsync;
    case DiskSync::none:
      return VZDiskImageSynchronizationModeNone;
  }
}

/// The handle closes the descriptor with its last owner, which is the machine.
Retained<NSFileHandle> to_handle(os::Descriptor fd) {
  return adopt([[NSFileHandle alloc] initWithFileDescriptor:fd.release() closeOnDealloc:YES]);
}

/// Makes one configuration. The first failure counts, and what is made after it is thrown away.
class Maker {
 public:
  Maker(const VzPlan& plan, MachineDescriptors& descriptors)
      : plan_(plan), descriptors_(descriptors) {}

  Result<Retained<VZVirtualMachineConfiguration>> make() {
    const auto thrown = guarded("configure the machine", [this] {
      configuration_ = adopt([[VZVirtualMachineConfiguration alloc] init]);
      [configuration_.get() setCPUCount:plan_.cpu_count];
      [configuration_.get() setMemorySize:plan_.memory.bytes()];
      set_platform();
      set_boot_loader();
      set_console();
      set_ports();
      set_disks();
      set_networks();
      set_shares();
      set_small_devices();
      if (!failure_) validate();
    });
    if (failure_) return *failure_;
    if (thrown) return *thrown;
    return configuration_;
  }

 private:
  void fail(Error error) {
    if (!failure_) failure_ = std::move(error);
  }

  NSString* text(const std::string& value, const char* role) {
    NSString* const made = to_ns(value);
    if (made != nil) return made;
    fail(Error(Errc::invalid_argument, std::string(role) + ": expected UTF-8, found other bytes"));
    return @"";
  }

  NSURL* url(const std::filesystem::path& path, const char* role, bool folder = false) {
    text(path.native(), role);
    return to_url(path, folder);
  }

  void set_platform() {
    const auto platform = adopt([[VZGenericPlatformConfiguration alloc] init]);
    if (plan_.nested_virtualization) {
      if (@available(macOS 15.0, *)) [platform.get() setNestedVirtualizationEnabled:YES];
    }
    [configuration_.get() setPlatform:platform.get()];
  }

  void set_boot_loader() {
    NSURL* const kernel = url(plan_.kernel, "kernel");
    if (kernel == nil) return;
    const auto loader = adopt([[VZLinuxBootLoader alloc] initWithKernelURL:kernel]);
    [loader.get() setCommandLine:text(plan_.command_line, "command line")];
    if (!plan_.initrd.empty()) {
      [loader.get() setInitialRamdiskURL:url(plan_.initrd, "initrd")];
    }
    [configuration_.get() setBootLoader:loader.get()];
  }

  void set_console() {
    const auto handle = to_handle(std::move(descriptors_.console));
    const auto attachment =
        adopt([[VZFileHandleSerialPortAttachment alloc] initWithFileHandleForReading:nil
                                                                fileHandleForWriting:handle.get()]);
    const auto port = adopt([[VZVirtioConsoleDeviceSerialPortConfiguration alloc] init]);
    [port.get() setAttachment:attachment.get()];
    [configuration_.get() setSerialPorts:[NSArray arrayWithObject:port.get()]];
  }

  void set_ports() {
    if (plan_.ports.empty()) return;
    const auto device = adopt([[VZVirtioConsoleDeviceConfiguration alloc] init]);
    VZVirtioConsolePortConfigurationArray* const ports = [device.get() ports];
    [ports setMaximumPortCount:static_cast<uint32_t>(plan_.ports.size())];
    for (std::size_t i = 0; i < plan_.ports.size(); ++i) {
      const auto handle = to_handle(std::move(descriptors_.ports[i]));
      const auto attachment = adopt([[VZFileHandleSerialPortAttachment alloc]
          initWithFileHandleForReading:handle.get()
                  fileHandleForWriting:handle.get()]);
      const auto port = adopt([[VZVirtioConsolePortConfiguration alloc] init]);
      [port.get() setName:text(plan_.ports[i], "port")];
      [port.get() setIsConsole:NO];
      [port.get() setAttachment:attachment.get()];
      [ports setObject:port.get() atIndexedSubscript:i];
    }
    [configuration_.get() setConsoleDevices:[NSArray arrayWithObject:device.get()]];
  }

  void set_disks() {
    NSMutableArray* const devices = [NSMutableArray array];
    for (const PlannedDisk& disk : plan_.disks) {
      NSURL* const image = url(disk.path, "disk");
      if (image == nil) return;
      NSError* error = nil;
      const auto attachment =
          adopt([[VZDiskImageStorageDeviceAttachment alloc] initWithURL:image
                                                               readOnly:disk.read_only
                                                            cachingMode:to_vz(disk.caching)
                                                    synchronizationMode:to_vz(disk.sync)
                                                                  error:&error]);
      if (!attachment) return fail(to_error(error, "disk " + disk.path.string()));
      const auto device = make_disk(disk, attachment.get());
      if (!device) return fail(Error(Errc::unsupported, "an NVMe disk needs macOS 14"));
      [devices addObject:device.get()];
    }
    [configuration_.get() setStorageDevices:devices];
  }

  Retained<VZStorageDeviceConfiguration> make_disk(const PlannedDisk& disk,
                                                   VZStorageDeviceAttachment* attachment) {
    VZStorageDeviceConfiguration* made = nil;
    if (disk.device == DiskDevice::usb) {
      made = [[VZUSBMassStorageDeviceConfiguration alloc] initWithAttachment:attachment];
    } else if (disk.device == DiskDevice::nvme) {
      if (@available(macOS 14.0, *)) {
        made = [[VZNVMExpressControllerDeviceConfiguration alloc] initWithAttachment:attachment];
      }
    } else {
      VZVirtioBlockDeviceConfiguration* const block =
          [[VZVirtioBlockDeviceConfiguration alloc] initWithAttachment:attachment];
      if (!disk.identifier.empty()) {
        [block setBlockDeviceIdentifier:text(disk.identifier, "disk identifier")];
      }
      made = block;
    }
    return adopt(made);
  }

  void set_networks() {
    NSMutableArray* const devices = [NSMutableArray array];
    for (const std::string& mac : plan_.networks) {
      const auto address = adopt([[VZMACAddress alloc] initWithString:text(mac, "address")]);
      if (!address) {
        return fail(
            Error(Errc::invalid_argument, "network: the framework refuses the address " + mac));
      }
      const auto attachment = adopt([[VZNATNetworkDeviceAttachment alloc] init]);
      const auto device = adopt([[VZVirtioNetworkDeviceConfiguration alloc] init]);
      [device.get() setMACAddress:address.get()];
      [device.get() setAttachment:attachment.get()];
      [devices addObject:device.get()];
    }
    [configuration_.get() setNetworkDevices:devices];
  }

  void add_share(NSMutableArray* devices, const std::string& tag, VZDirectoryShare* share) {
    const auto device =
        adopt([[VZVirtioFileSystemDeviceConfiguration alloc] initWithTag:text(tag, "share")]);
    [device.get() setShare:share];
    [devices addObject:device.get()];
  }

  void set_shares() {
    NSMutableArray* const devices = [NSMutableArray array];
    for (const PlannedShare& share : plan_.shares) {
      NSURL* const folder = url(share.path, "share", true);
      if (folder == nil) return;
      const auto directory = adopt([[VZSharedDirectory alloc] initWithURL:folder
                                                                 readOnly:share.read_only]);
      const auto single = adopt([[VZSingleDirectoryShare alloc] initWithDirectory:directory.get()]);
      add_share(devices, share.tag, single.get());
    }
    if (plan_.rosetta) add_rosetta(devices);
    [configuration_.get() setDirectorySharingDevices:devices];
  }

  void add_rosetta([[maybe_unused]] NSMutableArray* devices) {
#if defined(__arm64__)
    NSError* error = nil;
    const auto share = adopt([[VZLinuxRosettaDirectoryShare alloc] initWithError:&error]);
    if (!share) return fail(to_error(error, "rosetta"));
    add_share(devices, rosetta_tag, share.get());
#endif
  }

  void set_small_devices() {
    if (plan_.entropy) {
      const auto device = adopt([[VZVirtioEntropyDeviceConfiguration alloc] init]);
      [configuration_.get() setEntropyDevices:[NSArray arrayWithObject:device.get()]];
    }
    if (plan_.balloon) {
      const auto device = adopt([[VZVirtioTraditionalMemoryBalloonDeviceConfiguration alloc] init]);
      [configuration_.get() setMemoryBalloonDevices:[NSArray arrayWithObject:device.get()]];
    }
    if (plan_.vsock) {
      const auto device = adopt([[VZVirtioSocketDeviceConfiguration alloc] init]);
      [configuration_.get() setSocketDevices:[NSArray arrayWithObject:device.get()]];
    }
  }

  void validate() {
    NSError* error = nil;
    if (![configuration_.get() validateWithError:&error]) {
      fail(to_error(error, "virtualization.framework refuses the machine"));
    }
  }

  const VzPlan& plan_;
  MachineDescriptors& descriptors_;
  Retained<VZVirtualMachineConfiguration> configuration_;
  std::optional<Error> failure_;
};

}  // namespace

Result<Retained<VZVirtualMachineConfiguration>> make_configuration(const VzPlan& plan,
                                                                   MachineDescriptors descriptors) {
  return Maker(plan, descriptors).make();
}

}  // namespace vmkit::vm::vz
