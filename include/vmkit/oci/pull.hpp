// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// The layers of an image that is being pulled.
class ArrivingLayers {
 public:
  virtual ~ArrivingLayers();

  /// The bytes of a layer from the beginning; read() waits for those that are still to come, and
  /// tells the end only when the whole was verified. Until then nothing is sure about them. A read
  /// throws cancelled if the pull fails meanwhile; what remains of an earlier attempt is readable
  /// when the layer is complete. After `stop` it throws cancelled instead of waiting. Throws
  /// not_found for what is no layer of the image. To be called from any thread; each Source is for
  /// one.
  virtual std::unique_ptr<Source> open(const Descriptor& layer, const StopToken& stop = {}) = 0;
};

/// What of an image is pulled, and who looks at it on the way.
struct PullOptions {
  /// Which of an image's variants; also an image for one platform only must fit it.
  Platform platform = Platform::host();
  /// How many layers at once, 1 to 16.
  int parallel_downloads = 4;
  /// Hash blobs that are in the store already, and fetch anew what is not as it should be.
  bool verify_existing = false;
  /// The host's policy: called once, in the calling thread, when manifest and configuration are
  /// here and verified, and before any layer is fetched, read or given to `consume`; also when the
  /// image is in the store already. Whatever it throws ends the pull and comes back unchanged. The
  /// image it sees has no name yet; signatures and the like are found by
  /// RegistryClient::referrers().
  std::function<void(const Image&)> inspect = {};
  /// Called once, in the calling thread, to read the layers while they arrive (to unpack them, say:
  /// container::pull_and_unpack); the pull ends when both have. Whatever it throws ends the pull
  /// and comes back unchanged; so it should throw what a Source threw.
  std::function<void(const Image&, ArrivingLayers&)> consume = {};
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
