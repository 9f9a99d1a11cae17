// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "container/folder.hpp"

#include <vmkit/agent/client.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/container/options.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::container {

/// The serial number by which the guest finds the container's disk.
inline constexpr const char* root_disk_identifier = "vmkit-root";
inline constexpr const char* layer_disk_identifier = "vmkit-layer";

/// Of the machine that runs the image's programs, whatever this host is. Throws unsupported.
Architecture architecture_of(const oci::Platform& platform);

/// The machine of a container: kernel, initramfs with the agent, the disk, the agent's port.
vm::MachineConfig machine_config(const ContainerOptions& options, const Folder& folder);

/// Starts `machine` and returns when its agent answers; on an error the machine is gone.
agent::Client boot(vm::Machine& machine, const ContainerOptions& options,
                   const CallOptions& call_options);

}  // namespace vmkit::container
