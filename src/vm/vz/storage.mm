// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/devices.hpp"
#include "vm/vz/foundation.hpp"

namespace vmkit::vm::vz {
namespace {

constexpr double server_timeout = 30;  // seconds, to connect to a disk's server

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

Result<Retained<VZStorageDeviceAttachment>> attach_file(const PlannedDisk& disk) {
  const std::string what = "disk " + disk.path.string();
  NSURL* const image = to_url(disk.path);
  if (image == nil) return not_utf8(what);
  NSError* error = nil;
  const auto attachment =
      adopt([[VZDiskImageStorageDeviceAttachment alloc] initWithURL:image
                                                           readOnly:disk.read_only
                                                        cachingMode:to_vz(disk.caching)
                                                synchronizationMode:to_vz(disk.sync)
                                                              error:&error]);
  if (!attachment) return to_error(error, what);
  return Retained<VZStorageDeviceAttachment>(attachment.get());
}

Result<Retained<VZStorageDeviceAttachment>> attach_server(const PlannedDisk& disk) {
  if (@available(macOS 14.0, *)) {
    const std::string what = "disk " + disk.nbd;
    NSURL* const server = [NSURL URLWithString:to_ns(disk.nbd)];
    if (server == nil) return Error(Errc::invalid_argument, what + ": macOS reads no URL in it");
    const auto sync =
        disk.sync == DiskSync::none ? VZDiskSynchronizationModeNone : VZDiskSynchronizationModeFull;
    NSError* error = nil;
    const auto attachment =
        adopt([[VZNetworkBlockDeviceStorageDeviceAttachment alloc] initWithURL:server
                                                                       timeout:server_timeout
                                                                forcedReadOnly:disk.read_only
                                                           synchronizationMode:sync
                                                                         error:&error]);
    if (!attachment) return to_error(error, what);
    return Retained<VZStorageDeviceAttachment>(attachment.get());
  }
  return Error(Errc::unsupported, "a disk behind a server needs macOS 14");
}

}  // namespace

Result<Retained<VZStorageDeviceConfiguration>> make_disk(const PlannedDisk& disk) {
  const auto attachment = disk.nbd.empty() ? attach_file(disk) : attach_server(disk);
  if (!attachment) return attachment.error();
  VZStorageDeviceAttachment* const storage = attachment.value().get();
  VZStorageDeviceConfiguration* made = nil;
  if (disk.device == DiskDevice::usb) {
    made = [[VZUSBMassStorageDeviceConfiguration alloc] initWithAttachment:storage];
  } else if (disk.device == DiskDevice::nvme) {
    if (@available(macOS 14.0, *)) {
      made = [[VZNVMExpressControllerDeviceConfiguration alloc] initWithAttachment:storage];
    }
  } else {
    VZVirtioBlockDeviceConfiguration* const block =
        [[VZVirtioBlockDeviceConfiguration alloc] initWithAttachment:storage];
    if (!disk.identifier.empty()) [block setBlockDeviceIdentifier:to_ns(disk.identifier)];
    made = block;
  }
  if (made == nil) return Error(Errc::unsupported, "an NVMe disk needs macOS 14");
  return adopt(made);
}

Result<Retained<VZDirectoryShare>> make_share(const PlannedShare& share) {
  NSURL* const folder = to_url(share.path, true);
  if (folder == nil) return not_utf8("share " + share.tag);
  const auto directory = adopt([[VZSharedDirectory alloc] initWithURL:folder
                                                             readOnly:share.read_only]);
  const auto single = adopt([[VZSingleDirectoryShare alloc] initWithDirectory:directory.get()]);
  return Retained<VZDirectoryShare>(single.get());
}

}  // namespace vmkit::vm::vz
