// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <vmkit/oci/image_config.hpp>
#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/media_type.hpp>
#include <vmkit/oci/platform.hpp>
#include <vmkit/oci/reference.hpp>

namespace vmkit::oci {

/// An image in a store: its documents, read and verified. A value; the blobs stay in the store.
struct Image {
  Reference reference;
  Descriptor descriptor;  ///< Of the manifest; its digest identifies the image.
  Manifest manifest;
  ImageConfig config;
  Platform platform;  ///< The configuration's.
};

/// One layer: what is needed to unpack it. ImageStore::open_blob(descriptor) gives its bytes.
struct Layer {
  Descriptor descriptor;
  Digest diff_id;  ///< Of the uncompressed tar.
  LayerCompression compression;
};

/// The layers of an image, the lowest first. Throws unsupported for a layer of a type that is not
/// a tar, uncompressed or by gzip or zstd.
std::vector<Layer> layers(const Image& image);

}  // namespace vmkit::oci
