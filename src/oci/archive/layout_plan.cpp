// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/layout_plan.hpp"

#include <algorithm>

#include "oci/document/platform_choice.hpp"
#include "oci/store/store_layout.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/image_config.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

/// Of all wanted images together; a thousand images need some ten thousand.
constexpr std::size_t most_blobs = 100'000;
constexpr std::size_t most_layer_uses = 200'000;

std::string name_of(const Descriptor& entry) {
  for (const char* key : {annotation::image_name, annotation::ref_name}) {
    const auto name = entry.annotations.find(key);
    if (name != entry.annotations.end() && !name->second.empty()) return name->second;
  }
  return {};
}

/// Whether these entries of an index.json, all without a name, are the variants of one image.
bool are_variants(const std::vector<Descriptor>& entries) {
  std::set<Platform> platforms;
  return std::all_of(entries.begin(), entries.end(), [&](const Descriptor& entry) {
    return entry.platform && platforms.insert(*entry.platform).second;
  });
}

}  // namespace

LayoutPlan::LayoutPlan(std::string_view index_json, ArchiveNames& names, const Platform& platform,
                       std::string archive)
    : platform_(platform), archive_(std::move(archive)) {
  choose_roots(Index::parse(index_json, archive_ + ": index.json"), names);
}

void LayoutPlan::choose_roots(const Index& index, ArchiveNames& names) {
  std::vector<std::string> order;
  std::map<std::string, Index> groups;
  for (const Descriptor& entry : index.manifests) {
    // A layout may give two names, the full one and the specification's; either will do.
    const std::string name = name_of(entry);
    const auto tag = entry.annotations.find(annotation::ref_name);
    bool wanted = names.wants(name, entry.digest);
    if (!wanted && tag != entry.annotations.end()) wanted = names.wants(tag->second, entry.digest);
    if (!wanted) continue;
    const auto [group, added] = groups.try_emplace(name);
    if (added) order.push_back(name);
    group->second.manifests.push_back(entry);
  }
  names.check_all_found(archive_);
  for (const std::string& name : order) {
    const Index& group = groups.at(name);
    if (group.manifests.size() == 1 || (name.empty() && !are_variants(group.manifests))) {
      for (const Descriptor& entry : group.manifests) add_root(name, entry);
    } else if (const auto choice = choose_manifest(group, platform_)) {
      add_root(name, group.manifests[*choice]);
    } else {
      throw Error(Errc::unsupported, archive_ + ": there is no image for " +
                                         platform_.normalized().to_string() +
                                         "; there are images for: " + offered_platforms(group));
    }
  }
}

void LayoutPlan::add_root(const std::string& name, const Descriptor& entry) {
  if (!media_type::is_index(entry.media_type) && !media_type::is_manifest(entry.media_type)) {
    throw Error(Errc::unsupported, archive_ + ": index.json: " + entry.digest.to_string() +
                                       ": expected an image, found " + entry.media_type +
                                       "; choose images by their names");
  }
  want(entry, Kind::manifest_or_index, 0);
  roots_.push_back({name, entry.digest});
}

void LayoutPlan::want(const Descriptor& descriptor, Kind kind, int depth) {
  const std::string what = archive_ + ": " + descriptor.digest.to_string();
  const auto [place, added] = nodes_.try_emplace(
      descriptor.digest,
      Node{{descriptor.media_type, descriptor.digest, descriptor.size}, kind, depth});
  const Node& node = place->second;
  if (!added) {
    // The type of a layer or configuration may differ: OCI's in one image, Docker's in another.
    if (node.kind != kind || node.descriptor.size != descriptor.size ||
        (kind == Kind::manifest_or_index && node.descriptor.media_type != descriptor.media_type)) {
      throw Error(Errc::data_corruption, what + ": listed as " + node.descriptor.media_type +
                                             " of " + std::to_string(node.descriptor.size.bytes()) +
                                             " bytes and as " + descriptor.media_type + " of " +
                                             std::to_string(descriptor.size.bytes()));
    }
    return;
  }
  if (nodes_.size() > most_blobs) {
    throw Error(Errc::resource_exhausted, archive_ + ": expected images of at most " +
                                              std::to_string(most_blobs) +
                                              " blobs, found more; choose some of the images");
  }
  if (kind == Kind::layer) return;
  if (descriptor.size > longest_document) {
    throw Error(Errc::data_corruption, what + ": expected at most " + to_string(longest_document) +
                                           " of JSON, found " + to_string(descriptor.size));
  }
  awaited_.insert(descriptor.digest);
}

std::vector<Digest> LayoutPlan::give(const Digest& digest, std::string_view content) {
  Node& node = nodes_.at(digest);
  const std::string what = archive_ + ": " + digest.to_string();
  if (node.kind == Kind::config) {
    ImageConfig config = ImageConfig::parse(content, what);
    node.diff_ids = config.diff_ids.size();
    node.platform = std::move(config.platform);
  } else if (media_type::is_index(node.descriptor.media_type)) {
    take_index(node, content, what);
  } else {
    take_manifest(node, content, what);
  }
  awaited_.erase(digest);
  if (!node.next || !awaited_.contains(*node.next)) return {};
  return {*node.next};
}

void LayoutPlan::take_index(Node& node, std::string_view content, const std::string& what) {
  const Index index = Index::parse(content, what, node.descriptor.media_type);
  check_index_depth(node.depth + 1, what);
  const auto choice = choose_manifest(index, platform_);
  if (!choice) {
    throw Error(Errc::unsupported, what + ": there is no image for " +
                                       platform_.normalized().to_string() +
                                       "; there are images for: " + offered_platforms(index));
  }
  const Descriptor& chosen = index.manifests[*choice];
  node.next = chosen.digest;
  want(chosen, Kind::manifest_or_index, node.depth + 1);
}

void LayoutPlan::take_manifest(Node& node, std::string_view content, const std::string& what) {
  const Manifest manifest = Manifest::parse(content, what, node.descriptor.media_type);
  try {
    check_is_image(manifest);
  } catch (const Error& error) {
    throw error.with_context(what);
  }
  layer_uses_ += manifest.layers.size();
  if (layer_uses_ > most_layer_uses) {
    throw Error(Errc::resource_exhausted, archive_ + ": expected images of at most " +
                                              std::to_string(most_layer_uses) +
                                              " layers, found more; choose some of the images");
  }
  for (const Descriptor& layer : manifest.layers) {
    want(layer, Kind::layer, node.depth);
    node.layers.push_back(layer.digest);
  }
  node.next = manifest.config.digest;
  want(manifest.config, Kind::config, node.depth);
}

const Digest& LayoutPlan::manifest_of(const Root& root) const {
  const Digest* digest = &root.digest;
  // It ends: a document cannot hold its own digest.
  while (media_type::is_index(nodes_.at(*digest).descriptor.media_type)) {
    digest = &*nodes_.at(*digest).next;
  }
  return *digest;
}

std::vector<FoundImage> LayoutPlan::images() const {
  std::vector<FoundImage> result;
  for (const Root& root : roots_) {
    const Node& manifest = nodes_.at(manifest_of(root));
    const Node& config = nodes_.at(*manifest.next);
    try {
      check_layer_count(*manifest.next, manifest.layers.size(), config.diff_ids);
      check_platform(platform_, config.platform);
    } catch (const Error& error) {
      throw error.with_context(archive_ + ": " + manifest.descriptor.digest.to_string());
    }
    result.push_back({{root.name, manifest.descriptor, config.platform}, root.digest});
  }
  return result;
}

void LayoutPlan::add_blobs(const Digest& manifest, std::set<Digest>& blobs) const {
  const Node& node = nodes_.at(manifest);
  blobs.insert(manifest);
  blobs.insert(*node.next);
  blobs.insert(node.layers.begin(), node.layers.end());
}

}  // namespace vmkit::oci
