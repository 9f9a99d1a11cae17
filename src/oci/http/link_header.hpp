// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmkit::oci {

/// The target of the first link with rel="next" in a Link header (RFC 8288). Lenient: what it
/// cannot read ends the list.
std::optional<std::string> next_link(std::string_view header);

}  // namespace vmkit::oci
