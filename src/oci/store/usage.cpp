// SPDX-License-Identifier: Apache-2.0
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "oci/store/blob_graph.hpp"
#include "oci/store/ingest.hpp"
#include "oci/store/layout_index.hpp"
#include "oci/store/store_files.hpp"

#include <vmkit/oci/maintenance.hpp>

namespace vmkit::oci {
namespace {

/// For each entry of the index, understood or not, what it leads to.
std::vector<std::unordered_set<Digest>> needs_by_entry(const ImageStore& store,
                                                       const nlohmann::json& entries,
                                                       const CallOptions& options) {
  std::vector<std::unordered_set<Digest>> result;
  BlobGraph graph(store);
  for (const auto& entry : entries) {
    auto& needs = result.emplace_back();
    graph.walk(mentions_in({{"manifests", {entry}}}), [&](const Mention& mention) {
      options.check("find out what is used in " + store.root().string());
      needs.insert(mention.digest);
    });
  }
  return result;
}

}  // namespace

StoreUsage usage(const ImageStore& store, const CallOptions& options) {
  StoreUsage result;
  const LayoutIndex index = LayoutIndex::read(store.root());
  std::unordered_set<Digest> needed;
  add_needed(store, mentions_in(index.document()), needed, options);
  std::unordered_map<Digest, std::uint64_t> sizes;
  for (const StoredBlob& blob : stored_blobs(store.root())) {
    const ByteSize size(blob.status ? blob.status->size : 0);
    sizes.emplace(blob.digest, size.bytes());
    result.blobs = result.blobs + size;
    if (!needed.contains(blob.digest)) result.unreferenced = result.unreferenced + size;
  }
  for (const PartialBlob& partial : partial_blobs(store.root())) {
    result.partials = result.partials + ByteSize(partial.status.size);
  }

  const auto needs = needs_by_entry(store, index.document()["manifests"], options);
  std::unordered_map<Digest, std::size_t> users;
  for (const auto& of_one : needs) {
    for (const Digest& digest : of_one) ++users[digest];
  }
  IndexEntries entries = index.entries();
  for (std::size_t i = 0; i < entries.records.size(); ++i) {
    ImageUsage image{std::move(entries.records[i]), {}, {}};
    for (const Digest& digest : needs[entries.positions[i]]) {
      const auto size = sizes.find(digest);
      if (size == sizes.end()) continue;
      ByteSize& sum = users[digest] == 1 ? image.exclusive : image.shared;
      sum = sum + ByteSize(size->second);
    }
    result.images.push_back(std::move(image));
  }
  return result;
}

}  // namespace vmkit::oci
