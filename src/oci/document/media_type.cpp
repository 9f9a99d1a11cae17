// SPDX-License-Identifier: Apache-2.0
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {

std::optional<LayerCompression> layer_compression(std::string_view type) {
  using namespace media_type;
  if (type == oci_layer_gzip || type == docker_layer_gzip ||
      type == "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" ||
      type == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip") {
    return LayerCompression::gzip;
  }
  if (type == oci_layer_zstd || type == docker_layer_zstd ||
      type == "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd") {
    return LayerCompression::zstd;
  }
  if (type == oci_layer || type == docker_layer ||
      type == "application/vnd.oci.image.layer.nondistributable.v1.tar" ||
      type == "application/vnd.docker.image.rootfs.foreign.diff.tar") {
    return LayerCompression::none;
  }
  return std::nullopt;
}

}  // namespace vmkit::oci
