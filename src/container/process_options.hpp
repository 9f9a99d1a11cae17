// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/agent/process.hpp>
#include <vmkit/container/options.hpp>

namespace vmkit::container {

/// What the agent is asked for: `process`, and where it says nothing the container's isolation and
/// the image's configuration.
agent::ProcessSpec resolve(const ProcessOptions& process, const oci::ImageConfig& config,
                           const Isolation& isolation = {});

/// What the agent is to make of the machine. Throws invalid_argument for what no guest could do.
agent::ContainerSpec container_spec(const ContainerOptions& options);

}  // namespace vmkit::container
