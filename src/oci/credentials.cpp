// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <vmkit/oci/credentials.hpp>

namespace vmkit::oci {

CredentialProvider::~CredentialProvider() = default;

GivenCredentials::GivenCredentials(std::map<std::string, Credential> by_registry)
    : by_registry_(std::move(by_registry)) {}

std::optional<Credential> GivenCredentials::find(const std::string& registry, const CallOptions&) {
  const auto found = by_registry_.find(registry);
  if (found == by_registry_.end()) return std::nullopt;
  return found->second;
}

}  // namespace vmkit::oci
