// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vmkit::oci {

/// Text from outside, fit for a message: in quotes, at most `limit` bytes of it, and none that a
/// terminal would obey.
std::string shown(std::string_view text, std::size_t limit = 80);

}  // namespace vmkit::oci
