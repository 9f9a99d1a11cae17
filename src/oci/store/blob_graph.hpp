// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {

/// A document's mention of a blob.
struct Mention {
  Digest digest;
  std::string media_type;             ///< As it is called there; may be empty.
  std::optional<std::uint64_t> size;  ///< The same.
  bool required;  ///< Part of what the mentioning manifest is: its configuration, a layer.
};

/// All mentions of blobs in a document, wherever they stand in it: what a document of an unknown
/// kind needs shall not be lost either.
std::vector<Mention> mentions_in(const nlohmann::json& document);

/// Which blobs of a store lead to which others. Reads each document once. Confined.
class BlobGraph {
 public:
  explicit BlobGraph(const ImageStore& store) : store_(store) {}

  /// Calls `visit` for the roots and everything they lead to, there or not; for each mention, so
  /// for a blob perhaps more than once.
  void walk(std::vector<Mention> roots, const std::function<void(const Mention&)>& visit);

  /// Throws data_corruption if a document that was met is damaged: what it leads to is not known.
  void check_all_were_read() const;

 private:
  const std::vector<Mention>& mentions_of(const Digest& document);

  const ImageStore& store_;
  std::unordered_map<Digest, std::vector<Mention>> mentions_;
  std::optional<Digest> damaged_;
};

/// Whether a blob called so may mention others.
bool may_mention_blobs(const std::string& media_type);

/// Adds to `needed` what these roots need, and what is said about it: manifests whose subject is
/// needed, and what those need. Throws as BlobGraph::check_all_were_read does.
void add_needed(const ImageStore& store, std::vector<Mention> roots,
                std::unordered_set<Digest>& needed, const CallOptions& options);

}  // namespace vmkit::oci
