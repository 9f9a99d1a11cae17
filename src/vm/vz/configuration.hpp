// SPDX-License-Identifier: Apache-2.0
#pragma once

#import <Virtualization/Virtualization.h>
#include <memory>
#include <vector>

#include "vm/vz/framework.hpp"
#include "vm/vz/retained.hpp"

#include <vmkit/base/result.hpp>

namespace vmkit::vm::vz {

/// What a machine is made of.
struct Configuration {
  Retained<VZVirtualMachineConfiguration> object;
  std::vector<std::shared_ptr<void>> kept;  ///< To live as long as the machine.
};

/// The framework's objects for a plan, which have passed its validation.
Result<Configuration> make_configuration(const VzPlan& plan, MachineDescriptors descriptors);

}  // namespace vmkit::vm::vz
