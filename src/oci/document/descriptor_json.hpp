// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "oci/document/json.hpp"

#include <vmkit/oci/manifest.hpp>

namespace vmkit::oci {

/// The descriptor that `object` is. Throws data_corruption.
Descriptor parse_descriptor(const JsonObject& object);

}  // namespace vmkit::oci
