// SPDX-License-Identifier: Apache-2.0
#pragma once

#import <Virtualization/Virtualization.h>

#include "vm/vz/framework.hpp"
#include "vm/vz/retained.hpp"

#include <vmkit/base/result.hpp>

namespace vmkit::vm::vz {

/// The framework's objects for a plan, which have passed its validation.
Result<Retained<VZVirtualMachineConfiguration>> make_configuration(const VzPlan& plan,
                                                                   MachineDescriptors descriptors);

}  // namespace vmkit::vm::vz
