// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/archive/archive_names.hpp"

#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/platform.hpp>

namespace vmkit::oci {

/// What of a foreign image layout is needed: beginning at its index.json, it follows the documents
/// (indexes, manifests, configurations) of the wanted images as they become available, in whatever
/// order, each parsed once. Throws data_corruption and unsupported; memory and time are bounded by
/// the size of the documents and by limits of its own.
class LayoutPlan {
 public:
  /// `archive` names the layout in errors.
  LayoutPlan(std::string_view index_json, ArchiveNames& names, const Platform& platform,
             std::string archive);

  /// The documents without which it cannot go on.
  const std::set<Digest>& awaited() const noexcept { return awaited_; }
  bool complete() const noexcept { return awaited_.empty(); }

  /// Takes the content of an awaited document, whose size and digest were verified, and returns
  /// what is newly awaited.
  std::vector<Digest> give(const Digest& digest, std::string_view content);

  /// Whether some wanted image needs this blob, as far as is known.
  bool needs(const Digest& digest) const { return nodes_.contains(digest); }
  /// Of a needed blob.
  const Descriptor& descriptor(const Digest& digest) const { return nodes_.at(digest).descriptor; }

  /// When complete: the wanted images, each checked to be one for the platform.
  std::vector<FoundImage> images() const;
  /// Adds all blobs of an image: its manifest, its configuration and its layers.
  void add_blobs(const Digest& manifest, std::set<Digest>& blobs) const;

 private:
  enum class Kind { manifest_or_index, config, layer };
  struct Node {
    Descriptor descriptor;
    Kind kind;
    int depth;                        // below index.json
    std::optional<Digest> next = {};  // of an index its choice, of a manifest its configuration
    std::vector<Digest> layers = {};  // of a manifest
    std::size_t diff_ids = 0;         // of a configuration
    Platform platform = {};           // the same
  };
  struct Root {
    std::string name;
    Digest digest;
  };

  void choose_roots(const Index& index, ArchiveNames& names);
  void add_root(const std::string& name, const Descriptor& entry);
  void want(const Descriptor& descriptor, Kind kind, int depth);
  void take_index(Node& node, std::string_view content, const std::string& what);
  void take_manifest(Node& node, std::string_view content, const std::string& what);
  const Digest& manifest_of(const Root& root) const;

  Platform platform_;
  std::string archive_;
  std::vector<Root> roots_;
  std::map<Digest, Node> nodes_;
  std::set<Digest> awaited_;
  std::size_t layer_uses_ = 0;
};

}  // namespace vmkit::oci
