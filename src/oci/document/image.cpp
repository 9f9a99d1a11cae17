// SPDX-License-Identifier: Apache-2.0
#include <vmkit/base/error.hpp>
#include <vmkit/oci/image.hpp>

namespace vmkit::oci {

std::vector<Layer> layers(const Image& image) {
  std::vector<Layer> result;
  for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
    const Descriptor& descriptor = image.manifest.layers[i];
    const auto compression = layer_compression(descriptor.media_type);
    if (!compression) {
      throw Error(Errc::unsupported,
                  "layer " + descriptor.digest.to_string() + " of " + image.reference.to_string() +
                      ": expected a tar, plain or packed by gzip or zstd, found " +
                      descriptor.media_type);
    }
    result.push_back({descriptor, image.config.diff_ids.at(i), *compression});
  }
  return result;
}

}  // namespace vmkit::oci
