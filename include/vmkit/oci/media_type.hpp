// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

/// The media types of the OCI image specification 1.1 and of Docker's image manifest version 2,
/// schema 2.
namespace vmkit::oci::media_type {

inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view oci_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view oci_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";

inline constexpr std::string_view docker_index =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_layer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view docker_layer_gzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view docker_layer_zstd =
    "application/vnd.docker.image.rootfs.diff.tar.zstd";

constexpr bool is_index(std::string_view type) {
  return type == oci_index || type == docker_index;
}
constexpr bool is_manifest(std::string_view type) {
  return type == oci_manifest || type == docker_manifest;
}
constexpr bool is_config(std::string_view type) {
  return type == oci_config || type == docker_config;
}

}  // namespace vmkit::oci::media_type

namespace vmkit::oci {

/// How a layer's tar is packed.
enum class LayerCompression { none, gzip, zstd };

/// What the media type of a layer says about it, those of layers that "must not be distributed"
/// included; nullopt for a type that is not a tar layer.
std::optional<LayerCompression> layer_compression(std::string_view media_type);

}  // namespace vmkit::oci
