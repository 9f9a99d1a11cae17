// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <vector>

#include "images/pulling.hpp"
#include "paths.hpp"

#include <vmkit/oci/docker_config_credentials.hpp>
#include <vmkit/oci/reference.hpp>

extern char** environ;

namespace cli {

using namespace vmkit;

std::shared_ptr<oci::CredentialProvider> credentials_of(const RegistryOptions& options,
                                                        const oci::Reference& reference) {
  std::vector<std::shared_ptr<oci::CredentialProvider>> providers;
  const char* username = std::getenv("VMKIT_USERNAME");
  const char* password = std::getenv("VMKIT_PASSWORD");
  if (username != nullptr && password != nullptr) {
    const std::string registry = reference.registry();
    providers.push_back(std::make_shared<oci::GivenCredentials>(
        std::map<std::string, oci::Credential>{{registry, {username, password}}}));
  }
  const auto file = options.credentials_file.empty() ? docker_config() : options.credentials_file;
  if (!file.empty()) {
    oci::CredentialHelperOptions helpers;
    if (const char* path = std::getenv("PATH")) helpers.path = path;
    for (char** variable = environ; *variable != nullptr; ++variable) {
      helpers.environment.emplace_back(*variable);
    }
    providers.push_back(std::make_shared<oci::DockerConfigCredentials>(file, std::move(helpers)));
  }
  return std::make_shared<oci::ChainedCredentials>(std::move(providers));
}

}  // namespace cli
