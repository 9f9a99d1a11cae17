// SPDX-License-Identifier: Apache-2.0
#include "oci/document/platform_choice.hpp"

#include <set>
#include <vector>

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

constexpr int deepest_index = 3;

}  // namespace

std::optional<std::size_t> choose_manifest(const Index& index, const Platform& platform) {
  std::vector<std::optional<Platform>> offered;
  std::optional<std::size_t> only;
  for (std::size_t i = 0; i < index.manifests.size(); ++i) {
    const Descriptor& entry = index.manifests[i];
    const bool usable =
        media_type::is_manifest(entry.media_type) || media_type::is_index(entry.media_type);
    offered.push_back(usable ? entry.platform : std::nullopt);
    if (usable && index.manifests.size() == 1 && !entry.platform) only = i;
  }
  if (const auto best = best_match(platform, offered)) return best;
  return only;
}

std::string offered_platforms(const Index& index) {
  std::set<std::string> names;
  for (const Descriptor& entry : index.manifests) {
    // Attestations are said to be for "unknown/unknown".
    if (entry.platform && entry.platform->os != "unknown") {
      names.insert(entry.platform->to_string());
    }
  }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

void check_index_depth(int depth, std::string_view what) {
  if (depth < deepest_index) return;
  throw Error(Errc::data_corruption, std::string(what) +
                                         ": expected an image, found an index in an index, " +
                                         std::to_string(deepest_index) + " deep");
}

void check_is_image(const Manifest& manifest) {
  if (media_type::is_config(manifest.config.media_type)) return;
  const std::string& type =
      manifest.artifact_type.empty() ? manifest.config.media_type : manifest.artifact_type;
  throw Error(Errc::unsupported, "expected a container image, found an artifact of type " + type);
}

void check_platform(const Platform& wanted, const Platform& found) {
  // An image that does not say runs where its user says.
  if (found.os.empty() || found.architecture.empty()) return;
  if (match_distance(wanted, found)) return;
  throw Error(Errc::unsupported, "there is no image for " + wanted.normalized().to_string() +
                                     "; there is one for: " + found.to_string());
}

void check_layer_count(const Manifest& manifest, const ImageConfig& config) {
  check_layer_count(manifest.config.digest, manifest.layers.size(), config.diff_ids.size());
}

void check_layer_count(const Digest& config, std::size_t layers, std::size_t diff_ids) {
  if (layers == diff_ids) return;
  throw Error(Errc::data_corruption, "configuration " + config.to_string() +
                                         ": rootfs.diff_ids: expected " + std::to_string(layers) +
                                         " entries, one for each layer, found " +
                                         std::to_string(diff_ids));
}

}  // namespace vmkit::oci
