// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "commands.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/credentials.hpp>
#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace cli {

vmkit::oci::Platform platform_of(const RegistryOptions& options);

/// Where this program takes credentials from: VMKIT_USERNAME and VMKIT_PASSWORD, for the registry
/// of the reference only, then --creds-file or the user's Docker config.json ($DOCKER_CONFIG or
/// ~/.docker), whose helpers are looked for in PATH and get our environment.
std::shared_ptr<vmkit::oci::CredentialProvider> credentials_of(const RegistryOptions& options);

vmkit::oci::RegistryClient client_for(const RegistryOptions& options);

/// Pulls, or updates, the image.
vmkit::oci::Image pull_image(const RegistryOptions& options, vmkit::oci::ImageStore& store,
                             const vmkit::CallOptions& call_options);

}  // namespace cli
