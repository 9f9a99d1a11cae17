// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "options/common_options.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/credentials.hpp>
#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/reference.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace cli {

/// --platform, else this host's.
vmkit::oci::Platform platform_of(const std::string& option);

/// Where this program takes credentials from: VMKIT_USERNAME and VMKIT_PASSWORD, for the registry
/// of the reference only, then --creds-file or the user's Docker config.json ($DOCKER_CONFIG or
/// ~/.docker), whose helpers are looked for in PATH and get our environment.
std::shared_ptr<vmkit::oci::CredentialProvider> credentials_of(
    const RegistryOptions& options, const vmkit::oci::Reference& reference);

vmkit::oci::RegistryClient client_for(const RegistryOptions& options,
                                      const vmkit::oci::Reference& reference);

/// Pulls, or updates, the image.
vmkit::oci::Image pull_image(const RegistryOptions& options, const vmkit::oci::Reference& reference,
                             vmkit::oci::ImageStore& store, const vmkit::CallOptions& call_options);

}  // namespace cli
