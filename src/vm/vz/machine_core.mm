// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/machine_core.hpp"

#include "vm/vz/devices.hpp"
#include "vm/vz/foundation.hpp"

namespace vmkit::vm::vz {

#if defined(__arm64__)
std::optional<Error> save_state(Core& core, const std::filesystem::path& file, Handler handler) {
  if (@available(macOS 14.0, *)) {
    NSURL* const url = to_url(file);
    if (url == nil) return not_utf8("save");
    NSError* error = nil;
    if (![core.configuration.object.get() validateSaveRestoreSupportWithError:&error]) {
      return to_error(error, "save");
    }
    [core.machine.get() saveMachineStateToURL:url completionHandler:handler];
    return std::nullopt;
  }
  return Error(Errc::unsupported, "saving needs macOS 14");
}

std::optional<Error> restore_state(Core& core, const std::filesystem::path& file, Handler handler) {
  if (@available(macOS 14.0, *)) {
    NSURL* const url = to_url(file);
    if (url == nil) return not_utf8("restore");
    [core.machine.get() restoreMachineStateFromURL:url completionHandler:handler];
    return std::nullopt;
  }
  return Error(Errc::unsupported, "restoring needs macOS 14");
}
#else
std::optional<Error> save_state(Core&, const std::filesystem::path&, Handler) {
  return Error(Errc::unsupported, "saving needs Apple silicon");
}

std::optional<Error> restore_state(Core&, const std::filesystem::path&, Handler) {
  return Error(Errc::unsupported, "restoring needs Apple silicon");
}
#endif

std::optional<Error> change_share(Core& core, const PlannedShare& share) {
  const auto made = make_share(share);
  if (!made) return made.error();
  NSString* const tag = to_ns(share.tag);
  for (VZDirectorySharingDevice* any in [core.machine.get() directorySharingDevices]) {
    VZVirtioFileSystemDevice* const device = (VZVirtioFileSystemDevice*)any;
    if (![[device tag] isEqualToString:tag]) continue;
    [device setShare:made.value().get()];
    return std::nullopt;
  }
  return Error(Errc::not_found, "the machine has no share " + share.tag);
}

std::optional<Error> plug_in(Core& core, const std::string& name, const PlannedDisk& disk,
                             Handler handler) {
  if (@available(macOS 15.0, *)) {
    const auto made = make_disk(disk);
    if (!made) return made.error();
    const auto device = adopt([[VZUSBMassStorageDevice alloc]
        initWithConfiguration:(VZUSBMassStorageDeviceConfiguration*)made.value().get()]);
    core.disks[name] = Retained<NSObject>(device.get());
    VZUSBController* const controller = [[core.machine.get() usbControllers] firstObject];
    [controller attachDevice:device.get() completionHandler:handler];
    return std::nullopt;
  }
  return Error(Errc::unsupported, "it needs macOS 15");
}

std::optional<Error> pull_out(Core& core, const std::string& name, Handler handler) {
  if (@available(macOS 15.0, *)) {
    VZUSBController* const controller = [[core.machine.get() usbControllers] firstObject];
    [controller detachDevice:(VZUSBMassStorageDevice*)core.disks[name].get()
           completionHandler:handler];
    return std::nullopt;
  }
  return Error(Errc::unsupported, "it needs macOS 15");
}

}  // namespace vmkit::vm::vz
