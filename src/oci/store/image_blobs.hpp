// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <vmkit/oci/image.hpp>

namespace vmkit::oci {

/// What a manifest needs: the layers and the configuration.
inline std::vector<Descriptor> contents_of(const Manifest& manifest) {
  std::vector<Descriptor> result = manifest.layers;
  result.push_back(manifest.config);
  return result;
}

/// The digests of an image's manifest and of what it needs.
inline std::vector<Digest> digests_of(const Descriptor& descriptor, const Manifest& manifest) {
  std::vector<Digest> result = {descriptor.digest};
  for (const Descriptor& blob : contents_of(manifest)) result.push_back(blob.digest);
  return result;
}

}  // namespace vmkit::oci
