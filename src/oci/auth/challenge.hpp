// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vmkit::oci {

/// What a server wants to see, from a WWW-Authenticate header.
struct Challenge {
  std::string scheme;                             ///< In lower case: "bearer", "basic".
  std::map<std::string, std::string> parameters;  ///< By lower-case name, unquoted.

  std::string parameter(const std::string& name) const;  ///< Empty if missing.
};

/// All challenges of one header (RFC 9110, 11.6.1). Lenient: what it cannot read ends the list.
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace vmkit::oci
