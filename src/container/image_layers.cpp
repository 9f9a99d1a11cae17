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

}  // namespace

std::vector<rootfs::Layer> image_layers(const oci::Image& image, const oci::ImageStore& store) {
  std::vector<rootfs::Layer> result;
  for (const oci::Layer& layer : oci::layers(image)) {
    result.push_back({.diff_id = layer.diff_id,
                      .open = [store, blob = layer.descriptor] { return store.open_blob(blob); },
                      .compression = compression_of(layer.compression),
                      .compressed_size = layer.descriptor.size,
                      .name = layer.descriptor.digest.to_string()});
  }
  return result;
}

}  // namespace vmkit::container
