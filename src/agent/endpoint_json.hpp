// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/json.hpp"

#include <vmkit/agent/forward.hpp>

namespace vmkit::agent {

/// The parameters of a request that say where to connect or to listen.
Json endpoint_json(const Endpoint& endpoint);

}  // namespace vmkit::agent
