// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/json.hpp"

#include <vmkit/agent/container_spec.hpp>
#include <vmkit/agent/process.hpp>

namespace vmkit::agent {

/// What is asked for, as docs/formats/agent-protocol.md has it. Throws invalid_argument, naming the
/// field, for what no guest could do.
Json to_json(const ContainerSpec& spec);
Json to_json(const ResourceLimits& limits);
/// Without "stdio", which the caller adds.
Json to_json(const ProcessSpec& spec);

}  // namespace vmkit::agent
