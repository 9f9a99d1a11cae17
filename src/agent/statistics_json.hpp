// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/json.hpp"

#include <vmkit/agent/statistics.hpp>

namespace vmkit::agent {

/// What the agent has answered. Throw Json::exception for values of the wrong type; what is missing
/// is zero.
Statistics parse_statistics(const Json& answer);
std::vector<RunningProcess> parse_top(const Json& answer);

}  // namespace vmkit::agent
