// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

struct PullOptions {
  /// Which of an image's variants; also an image for one platform only must fit it.
  Platform platform = Platform::host();
  /// How many layers at once, 1 to 16.
  int parallel_downloads = 4;
  /// Hash blobs that are in the store already, and fetch anew what is not as it should be.
  bool verify_existing = false;
};

/// Brings an image from its registry into the store, under the name `reference`, and returns it.
///
/// Only what the platform needs and the store does not have is fetched; an unchanged image costs
/// one request, or two where the registry tells no digest. Layers come in parallel; every byte is
/// verified before anything of it counts. Of an index only the chosen manifest is stored, so that
/// the layout is complete for other tools.
///
/// Progress has the phase "pull" and each layer's digest as subject, in bytes; all layers are
/// reported once before the first byte comes. The callback runs in threads of this call.
///
/// On an error the store is as before, but for blobs that were finished and partial ones that the
/// next pull resumes; neither can be seen through a name. Throws what RegistryClient and ImageStore
/// throw, and unsupported, naming the platforms there are, if none fits.
Image pull(RegistryClient& client, ImageStore& store, const Reference& reference,
           const PullOptions& pull_options = {}, const CallOptions& options = {});

}  // namespace vmkit::oci
