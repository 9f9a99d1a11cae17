// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/json.hpp"
#include "container.hpp"

namespace vmkit::guest {

/// The processes of the container, or without one of the whole system; docs/formats has the fields.
agent::Json top(const Container* container);

}  // namespace vmkit::guest
