// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/registry_names.hpp"

namespace vmkit::oci {

std::vector<std::string> names_of_registry(const std::string& registry) {
  if (registry != "docker.io") return {registry};
  return {"index.docker.io", "docker.io", "registry-1.docker.io"};
}

std::string host_without_port(const std::string& registry) {
  if (registry.starts_with('[')) return registry.substr(1, registry.find(']') - 1);
  return registry.substr(0, registry.find(':'));
}

}  // namespace vmkit::oci
