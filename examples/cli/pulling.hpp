// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_store.hpp>

namespace cli {

vmkit::oci::Platform platform_of(const RegistryOptions& options);

/// Pulls, or updates, the image; credentials are this program's policy: VMKIT_USERNAME and
/// VMKIT_PASSWORD from the environment, for the registry of the reference only.
vmkit::oci::Image pull_image(const RegistryOptions& options, vmkit::oci::ImageStore& store,
                             const vmkit::CallOptions& call_options);

}  // namespace cli
