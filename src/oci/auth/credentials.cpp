// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <vmkit/base/error.hpp>
#include <vmkit/oci/credentials.hpp>

namespace vmkit::oci {

CredentialProvider::~CredentialProvider() = default;

GivenCredentials::GivenCredentials(std::map<std::string, Credential> by_registry)
    : by_registry_(std::move(by_registry)) {}

std::optional<Credential> GivenCredentials::find(const CredentialQuery& query, const CallOptions&) {
  const auto found = by_registry_.find(query.registry);
  if (found == by_registry_.end()) return std::nullopt;
  return found->second;
}

ChainedCredentials::ChainedCredentials(std::vector<std::shared_ptr<CredentialProvider>> providers)
    : providers_(std::move(providers)) {
  for (const auto& provider : providers_) {
    if (!provider) {
      throw Error(Errc::invalid_argument, "credentials: expected a provider, found a null pointer");
    }
  }
}

std::optional<Credential> ChainedCredentials::find(const CredentialQuery& query,
                                                   const CallOptions& options) {
  for (const auto& provider : providers_) {
    if (auto found = provider->find(query, options)) return found;
  }
  return std::nullopt;
}

}  // namespace vmkit::oci
