// SPDX-License-Identifier: Apache-2.0
#pragma once

#import <Virtualization/Virtualization.h>
#include <memory>
#include <vector>

#include "os/descriptor.hpp"
#include "vm/vz/plan.hpp"
#include "vm/vz/retained.hpp"

#include <vmkit/base/result.hpp>

// The framework's objects for the parts of a plan that are more than a line.
namespace vmkit::vm::vz {

Result<Retained<VZStorageDeviceConfiguration>> make_disk(const PlannedDisk& disk);

/// `frames` is for a file handle attachment; to `kept` goes what the device needs to live.
Result<Retained<VZNetworkDeviceConfiguration>> make_network(
    const PlannedNetwork& network, os::Descriptor frames, std::vector<std::shared_ptr<void>>& kept);

Result<Retained<VZDirectoryShare>> make_share(const PlannedShare& share);

/// Screen, keyboard, tablet, sound and USB controller.
void set_desktop(VZVirtualMachineConfiguration* configuration, const VzPlan& plan);

}  // namespace vmkit::vm::vz
