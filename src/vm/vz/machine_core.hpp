// SPDX-License-Identifier: Apache-2.0
#pragma once

#import <Virtualization/Virtualization.h>
#include <map>
#include <optional>
#include <string>

#include "vm/vz/configuration.hpp"
#include "vm/vz/vsock.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {

/// What must be touched, and let go, on the queue only.
struct Core {
  Configuration configuration;
  Retained<VZVirtualMachine> machine;
  Retained<NSObject> delegate;  // the framework has it weakly
  VsockListeners listeners;
  std::map<std::string, Retained<NSObject>> disks;  // those that were plugged in

  VZVirtioSocketDevice* vsock() const {
    return (VZVirtioSocketDevice*)[[machine.get() socketDevices] firstObject];
  }
};

using Handler = void (^)(NSError*);

// What is asked of a machine that is more than one call of its. On the queue. They return what is
// wrong, or nothing: then the handler is called, unless there is none.

std::optional<Error> save_state(Core& core, const std::filesystem::path& file, Handler handler);
std::optional<Error> restore_state(Core& core, const std::filesystem::path& file, Handler handler);
std::optional<Error> change_share(Core& core, const PlannedShare& share);
/// `disks` has it afterwards.
std::optional<Error> plug_in(Core& core, const std::string& name, const PlannedDisk& disk,
                             Handler handler);
/// `disks` has it still.
std::optional<Error> pull_out(Core& core, const std::string& name, Handler handler);

}  // namespace vmkit::vm::vz
