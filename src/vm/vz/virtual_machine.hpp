// SPDX-License-Identifier: Apache-2.0
#pragma once

#import <Virtualization/Virtualization.h>
#include <memory>

#include "vm/vz/configuration.hpp"
#include "vm/vz/queue.hpp"

namespace vmkit::vm::vz {

/// A VZVirtualMachine with its queue. Called on the queue, as the configuration was made there.
std::unique_ptr<VirtualMachine> make_virtual_machine(const Queue& queue,
                                                     const Configuration& configuration,
                                                     MachineListener listener);

}  // namespace vmkit::vm::vz
