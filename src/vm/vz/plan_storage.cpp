// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/planning.hpp"

namespace vmkit::vm::vz {

PlannedDisk plan_disk(Planning& planning, const Disk& disk, const std::string& field) {
  if (!disk.nbd.empty()) planning.require_macos(14, field + ".nbd");
  if (disk.device == DiskDevice::nvme) planning.require_macos(14, field + ".device", "nvme");
  // What the framework chooses by itself has corrupted file systems of Linux guests.
  const bool automatic = disk.caching == DiskCaching::automatic;
  return {.device = disk.device,
          .path = disk.path,
          .nbd = disk.nbd,
          .read_only = disk.read_only,
          .caching = automatic ? DiskCaching::cached : disk.caching,
          .sync = disk.sync,
          .identifier = disk.device == DiskDevice::virtio ? disk.identifier : ""};
}

}  // namespace vmkit::vm::vz
