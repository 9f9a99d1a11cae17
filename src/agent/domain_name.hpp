// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace vmkit::agent {

/// Whether it is the name of a host or a domain, of letters, digits and hyphens (RFC 1123), without
/// a dot at its end.
bool is_domain(std::string_view text);

}  // namespace vmkit::agent
