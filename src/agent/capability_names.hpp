// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vmkit::agent {

/// One bit for each capability; all bits for "ALL". Throws invalid_argument, naming `field`, for a
/// name that is none.
std::uint64_t capability_mask(const std::string& field, const std::vector<std::string>& names);

}  // namespace vmkit::agent
