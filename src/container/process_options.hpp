// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/agent/process.hpp>
#include <vmkit/container/options.hpp>

namespace vmkit::container {

/// What the agent is asked for: `process`, and the image's configuration where it says nothing.
agent::ProcessSpec resolve(const ProcessOptions& process, const oci::ImageConfig& config);

}  // namespace vmkit::container
