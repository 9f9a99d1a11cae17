// SPDX-License-Identifier: Apache-2.0
#include "images/pulling.hpp"

#include <vmkit/oci/pull.hpp>

namespace cli {

using namespace vmkit;

oci::Platform platform_of(const std::string& option) {
  return option.empty() ? oci::Platform::host() : oci::Platform::parse(option);
}

oci::RegistryClient client_for(const RegistryOptions& options, const oci::Reference& reference) {
  oci::RegistryClientOptions client_options;
  client_options.defaults.plain_http = options.plain_http;
  client_options.credentials = credentials_of(options, reference);
  return oci::RegistryClient(std::move(client_options));
}

oci::Image pull_image(const RegistryOptions& options, const oci::Reference& reference,
                      oci::ImageStore& store, const CallOptions& call_options) {
  auto client = client_for(options, reference);
  return oci::pull(client, store, reference, {.platform = platform_of(options.platform)},
                   call_options);
}

}  // namespace cli
