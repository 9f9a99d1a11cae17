// SPDX-License-Identifier: Apache-2.0
#include <vmkit/archive/compression.hpp>
#include <vmkit/container/image_layers.hpp>

namespace vmkit::container {
namespace {

archive::Compression compression_of(oci::LayerCompression compression) {
  switch (compression) {
    case oci::LayerCompression::gzip:
      return archive::Compression::gzip;
    case oci::LayerCompression::zstd:
      return archive::Compression::zstd;
    case oci::LayerCompression::none:
      break;
  }
  return archive::Compression::none;
}

rootfs::Layer unopened(const oci::Layer& layer) {
  return {.diff_id = layer.diff_id,
          .open = {},
          .compression = compression_of(layer.compression),
          .compressed_size = layer.descriptor.size,
          .name = layer.descriptor.digest.to_string()};
}

}  // namespace

std::vector<rootfs::Layer> image_layers(const oci::Image& image, const oci::ImageStore& store) {
  std::vector<rootfs::Layer> result;
  for (const oci::Layer& layer : oci::layers(image)) {
    result.push_back(unopened(layer));
    result.back().open = [store, blob = layer.descriptor] { return store.open_blob(blob); };
  }
  return result;
}

std::vector<rootfs::Layer> image_layers(const oci::Image& image, oci::ArrivingLayers& arriving) {
  std::vector<rootfs::Layer> result;
  for (const oci::Layer& layer : oci::layers(image)) {
    StopSource stop;
    result.push_back(unopened(layer));
    result.back().open = [&arriving, blob = layer.descriptor, token = stop.token()] {
      return arriving.open(blob, token);
    };
    result.back().abandon = [stop]() mutable { stop.request_stop(); };
  }
  return result;
}

}  // namespace vmkit::container
