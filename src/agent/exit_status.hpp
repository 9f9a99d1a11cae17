// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/json.hpp"

#include <vmkit/agent/process.hpp>

namespace vmkit::agent {

/// How a process ended, as the agent tells it. Throws data_corruption for what no process can have:
/// nothing else may pass for a success.
ExitStatus parse_exit_status(const Json& status);

}  // namespace vmkit::agent
