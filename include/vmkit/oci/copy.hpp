// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <vmkit/base/call_options.hpp>
#include <vmkit/oci/platform.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// What of an image copy() takes along.
struct CopyOptions {
  /// Of an index, only the image for this platform; nullopt: all of it, byte for byte. What is no
  /// index is copied as it is.
  std::optional<Platform> platform = {};
  int parallel_layers = 4;  ///< How many layers at once, 1 to 16.
  /// See BlobUploadOptions: 0 sends each layer in one request.
  ByteSize chunk_size = ByteSize(0);
};

/// Copies an image from registry to registry, without a store: what one sends goes to the other,
/// with about 2 MiB of memory for each layer on its way. Returns the descriptor of what is at
/// `target` then. Both clients may be the same; within one registry layers are mounted, not sent.
///
/// Only what the target does not have is sent, each manifest after all it names. Every byte is
/// verified before the target gets the end of its blob.
///
/// Progress has the phase "copy" and each layer's digest as subject, in bytes. The callback runs in
/// threads of this call.
///
/// On an error the name `target` leads where it did before; blobs that arrived may stay in the
/// repository until the registry collects them. Throws what RegistryClient throws, unsupported,
/// naming the platforms there are, if none fits, and invalid_argument if `target` has a digest that
/// is not that of what is copied.
Descriptor copy(RegistryClient& from_client, const Reference& source, RegistryClient& to_client,
                const Reference& target, const CopyOptions& copy_options = {},
                const CallOptions& options = {});

}  // namespace vmkit::oci
