// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// How an image is pushed.
struct PushOptions {
  int parallel_uploads = 4;  ///< How many layers at once, 1 to 16.
  /// See BlobUploadOptions: 0 sends each layer in one request.
  ByteSize chunk_size = ByteSize(0);
  /// A repository of the target's registry that may have some of the layers already.
  std::optional<Reference> mount_from = {};
};

/// Sends what has the name `image` in the store to a registry, under the name `target`, and returns
/// the descriptor of what is there then: the same bytes, so the same digest. An index (which other
/// tools can put into a store) is sent with all its manifests.
///
/// Only what the registry does not have is sent; an image that is there as it is costs one request,
/// another one for each blob that is there. Layers go in parallel, each manifest after all it
/// names: nobody sees an image that is not complete. What is read is verified before the registry
/// gets the end of it.
///
/// Progress has the phase "push" and each layer's digest as subject, in bytes. The callback runs in
/// threads of this call.
///
/// On an error the name `target` leads where it did before; blobs that arrived may stay in the
/// repository until the registry collects them. Throws what RegistryClient and ImageStore throw,
/// not_found if there is no such image in the store, data_corruption if it is damaged there, and
/// invalid_argument if `target` has a digest that is not the image's.
Descriptor push(RegistryClient& client, const ImageStore& store, const Reference& image,
                const Reference& target, const PushOptions& push_options = {},
                const CallOptions& options = {});

}  // namespace vmkit::oci
