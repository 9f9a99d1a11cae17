// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {

/// A layer to be put upon an image.
struct NewLayer {
  /// Writes the layer's tar, uncompressed; called once. False: there is nothing in it, and no layer
  /// is added but only its entry in the history.
  std::function<bool(Sink& tar)> write;
  LayerCompression compression = LayerCompression::gzip;
  /// For the history and as the image's own time; the image has none if this is missing. All texts
  /// are UTF-8 and may be empty.
  std::optional<std::chrono::system_clock::time_point> created = {};
  std::string created_by = {};
  std::string author = {};
  std::string comment = {};
};

/// Makes a new image out of `base`, which is in the store, and one more layer, and gives it the
/// name `name` (which may be that of `base`).
///
/// Stored are three blobs: the layer as it was written, compressed; the configuration of `base`
/// with the layer's diffID and a history entry added, all else unchanged; a manifest of the same
/// kind as that of `base`, whose layers it shares, without its annotations and subject. Nothing of
/// the host goes into them, so that the same layer gives the same image with the same compressor.
///
/// The name leads to the whole image, durably, or to what it did before. On an error nothing else
/// is left behind but complete blobs, if it came late; collect_garbage() removes those. Needs room
/// in the store for the compressed layer.
///
/// Throws not_found if a blob of `base` is missing, invalid_argument for text that is not UTF-8,
/// resource_exhausted for more than most_layers or a longer document than can be read, and what
/// `write` throws. Thread-safe as the store.
Image add_layer(ImageStore& store, const Image& base, const Reference& name, const NewLayer& layer,
                const CallOptions& options = {});

}  // namespace vmkit::oci
