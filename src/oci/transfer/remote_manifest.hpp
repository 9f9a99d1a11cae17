// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/platform.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// The manifest of an entry of an index, which it must be as the entry says: data_corruption.
ManifestDocument fetch_listed(RegistryClient& client, const Reference& reference,
                              const Descriptor& entry, const CallOptions& options);

/// From `document`, the manifest for the platform, through as many indexes as it takes. Throws
/// unsupported, naming the platforms there are, if none fits.
ManifestDocument choose_remote(RegistryClient& client, const Reference& reference,
                               ManifestDocument document, const Platform& platform,
                               const CallOptions& options);

/// Each blob once, in order; the same digest with two sizes is a lie: data_corruption.
std::vector<Descriptor> distinct(const std::vector<Descriptor>& blobs);

}  // namespace vmkit::oci
