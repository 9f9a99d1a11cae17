// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace vmkit::oci {

/// The names under which credentials for `registry` (as in a Reference) may be kept: for Docker Hub
/// several, the one that is most used first.
std::vector<std::string> names_of_registry(const std::string& registry);

/// "localhost" of "localhost:5000", "::1" of "[::1]:5000".
std::string host_without_port(const std::string& registry);

}  // namespace vmkit::oci
