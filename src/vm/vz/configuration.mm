// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/configuration.hpp"

#include <utility>

#include "vm/vz/devices.hpp"
#include "vm/vz/foundation.hpp"

namespace vmkit::vm::vz {
namespace {

/// Makes one configuration. The first failure counts, and what is made after it is thrown away.
class Maker {
 public:
  Maker(const VzPlan& plan, MachineDescriptors& descriptors)
      : plan_(plan), descriptors_(descriptors) {}

  Result<Configuration> make() {
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
      set_desktop(configuration_.get(), plan_);
      if (!failure_) validate();
    });
    if (failure_) return *failure_;
    if (thrown) return *thrown;
    return Configuration{configuration_, std::move(kept_)};
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

  NSURL* url(const std::filesystem::path& path, const char* role) {
    text(path.native(), role);
    return to_url(path);
  }

  void set_platform() {
    const auto platform = adopt([[VZGenericPlatformConfiguration alloc] init]);
    if (plan_.nested_virtualization) {
      if (@available(macOS 15.0, *)) [platform.get() setNestedVirtualizationEnabled:YES];
    }
    if (!plan_.machine_identifier.empty()) {
      const auto data = adopt([[NSData alloc]
          initWithBase64EncodedString:text(plan_.machine_identifier, "machine identifier")
                              options:0]);
      const auto identifier =
          data ? adopt([[VZGenericMachineIdentifier alloc] initWithDataRepresentation:data.get()])
               : Retained<VZGenericMachineIdentifier>();
      if (!identifier) {
        return fail(Error(Errc::invalid_argument,
                          "machine identifier: the framework does not know this one as its own"));
      }
      [platform.get() setMachineIdentifier:identifier.get()];
    }
    [configuration_.get() setPlatform:platform.get()];
  }

  void set_boot_loader() {
    if (!plan_.variable_store.empty()) return set_firmware();
    NSURL* const kernel = url(plan_.kernel, "kernel");
    if (kernel == nil) return;
    const auto loader = adopt([[VZLinuxBootLoader alloc] initWithKernelURL:kernel]);
    [loader.get() setCommandLine:text(plan_.command_line, "command line")];
    if (!plan_.initrd.empty()) {
      [loader.get() setInitialRamdiskURL:url(plan_.initrd, "initrd")];
    }
    [configuration_.get() setBootLoader:loader.get()];
  }

  void set_firmware() {
    NSURL* const file = url(plan_.variable_store, "variable store");
    if (file == nil) return;
    const auto store = make_variable_store(file);
    if (!store) return;
    const auto loader = adopt([[VZEFIBootLoader alloc] init]);
    [loader.get() setVariableStore:store.get()];
    [configuration_.get() setBootLoader:loader.get()];
  }

  Retained<VZEFIVariableStore> make_variable_store(NSURL* file) {
    std::error_code ignored;
    if (std::filesystem::exists(plan_.variable_store, ignored)) {
      return adopt([[VZEFIVariableStore alloc] initWithURL:file]);
    }
    NSError* error = nil;
    const auto options = static_cast<VZEFIVariableStoreInitializationOptions>(0);
    auto store = adopt([[VZEFIVariableStore alloc] initCreatingVariableStoreAtURL:file
                                                                          options:options
                                                                            error:&error]);
    if (!store) fail(to_error(error, "variable store " + plan_.variable_store.string()));
    return store;
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
    const std::size_t count = plan_.ports.size() + (plan_.clipboard ? 1 : 0);
    if (count == 0) return;
    const auto device = adopt([[VZVirtioConsoleDeviceConfiguration alloc] init]);
    VZVirtioConsolePortConfigurationArray* const ports = [device.get() ports];
    [ports setMaximumPortCount:static_cast<uint32_t>(count)];
    for (std::size_t i = 0; i < plan_.ports.size(); ++i) {
      const auto handle = to_handle(std::move(descriptors_.ports[i]));
      const auto attachment = adopt([[VZFileHandleSerialPortAttachment alloc]
          initWithFileHandleForReading:handle.get()
                  fileHandleForWriting:handle.get()]);
      add_port(ports, i, text(plan_.ports[i], "port"), attachment.get());
    }
    if (plan_.clipboard) {
      const auto agent = adopt([[VZSpiceAgentPortAttachment alloc] init]);
      [agent.get() setSharesClipboard:YES];
      add_port(ports, count - 1, [VZSpiceAgentPortAttachment spiceAgentPortName], agent.get());
    }
    [configuration_.get() setConsoleDevices:[NSArray arrayWithObject:device.get()]];
  }

  void add_port(VZVirtioConsolePortConfigurationArray* ports, std::size_t index, NSString* name,
                VZSerialPortAttachment* attachment) {
    const auto port = adopt([[VZVirtioConsolePortConfiguration alloc] init]);
    [port.get() setName:name];
    [port.get() setIsConsole:NO];
    [port.get() setAttachment:attachment];
    [ports setObject:port.get() atIndexedSubscript:index];
  }

  void set_disks() {
    NSMutableArray* const devices = [NSMutableArray array];
    for (const PlannedDisk& disk : plan_.disks) {
      const auto device = make_disk(disk);
      if (!device) return fail(device.error());
      [devices addObject:device.value().get()];
    }
    [configuration_.get() setStorageDevices:devices];
  }

  void set_networks() {
    NSMutableArray* const devices = [NSMutableArray array];
    for (std::size_t i = 0; i < plan_.networks.size(); ++i) {
      const auto device =
          make_network(plan_.networks[i], std::move(descriptors_.networks[i]), kept_);
      if (!device) return fail(device.error().with_context("networks[" + std::to_string(i) + "]"));
      [devices addObject:device.value().get()];
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
      const auto made = make_share(share);
      if (!made) return fail(made.error());
      add_share(devices, share.tag, made.value().get());
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
  std::vector<std::shared_ptr<void>> kept_;
  std::optional<Error> failure_;
};

}  // namespace

Result<Configuration> make_configuration(const VzPlan& plan, MachineDescriptors descriptors) {
  return Maker(plan, descriptors).make();
}

}  // namespace vmkit::vm::vz
