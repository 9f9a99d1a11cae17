// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <vmkit/oci/image_config.hpp>
#include <vmkit/oci/manifest.hpp>

// The rules that lead from an index to the image for one platform, and what an image must be.
namespace vmkit::oci {

/// The position of the best manifest (or nested index) for `platform`; nullopt if there is none. An
/// entry that tells no platform is taken when it is the only one: its image's configuration tells.
std::optional<std::size_t> choose_manifest(const Index& index, const Platform& platform);

/// For messages: "linux/amd64, linux/arm64".
std::string offered_platforms(const Index& index);

/// Throws data_corruption when index leads to index too often.
void check_index_depth(int depth, std::string_view what);

/// Throws unsupported unless the manifest's configuration is an image's.
void check_is_image(const Manifest& manifest);

/// Throws unsupported unless an image for `found` runs where `wanted` does.
void check_platform(const Platform& wanted, const Platform& found);

/// Throws data_corruption unless each layer has its diff ID.
void check_layer_count(const Manifest& manifest, const ImageConfig& config);
void check_layer_count(const Digest& config, std::size_t layers, std::size_t diff_ids);

}  // namespace vmkit::oci
