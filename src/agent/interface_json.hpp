// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/json.hpp"

#include <vmkit/agent/network.hpp>

namespace vmkit::agent {

Json to_json(const InterfaceConfig& interface);

/// What the guest says that its interfaces got: one for each that was `asked`, with what was asked
/// for, and only what can stand in a file of the container's. Throws data_corruption, or
/// Json::exception for values of the wrong type.
std::vector<ConfiguredInterface> parse_configured(const Json& list,
                                                  const std::vector<InterfaceConfig>& asked);

}  // namespace vmkit::agent
