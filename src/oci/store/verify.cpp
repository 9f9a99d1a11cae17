// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>
#include <utility>

#include "oci/store/blob_graph.hpp"
#include "oci/store/layout_index.hpp"
#include "oci/store/store_files.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/maintenance.hpp>

namespace vmkit::oci {
namespace {

using Problem = BadBlob::Problem;

bool is_whole(const StoredBlob& blob, ProgressMeter& meter, const CallOptions& options) {
  if (!blob.status) return false;
  try {
    return has_digest(open_store_file(blob.path), blob.digest, meter, options);
  } catch (const Error& error) {
    if (error.code() == Errc::not_found || error.code() == Errc::data_corruption) return false;
    throw;
  }
}

}  // namespace

VerifyReport verify(const ImageStore& store, const CallOptions& options) {
  VerifyReport report;
  std::vector<StoredBlob> blobs = stored_blobs(store.root());
  // A name that is looked at below keeps what it has now, also when it is removed meanwhile.
  Lease lease = Lease::begin(store, options);
  std::vector<Digest> digests;
  for (const StoredBlob& blob : blobs) digests.push_back(blob.digest);
  lease.add(digests, options);
  const LayoutIndex index = LayoutIndex::read(store.root());
  IndexEntries entries = index.entries();
  report.odd_entries = std::move(entries.odd);

  std::uint64_t total = 0;
  for (const StoredBlob& blob : blobs) total += blob.status ? blob.status->size : 0;
  ProgressMeter meter(options.progress, "verify", {}, ProgressUnit::bytes, total);
  struct Found {
    Problem problem;
    std::set<std::size_t> records = {};
  };
  std::map<Digest, Found> bad;
  for (const StoredBlob& blob : blobs) {
    const bool whole = is_whole(blob, meter, options);
    // Removed before the lease had it, by whoever collects garbage.
    if (!whole && !std::filesystem::exists(std::filesystem::symlink_status(blob.path))) continue;
    ++report.blobs;
    if (blob.status) report.bytes = report.bytes + ByteSize(blob.status->size);
    if (!whole) bad.emplace(blob.digest, Found{Problem::damaged});
  }
  meter.flush();

  BlobGraph graph(store);
  for (std::size_t i = 0; i < entries.records.size(); ++i) {
    const Descriptor& top = entries.records[i].manifest;
    graph.walk({{top.digest, top.media_type, top.size.bytes(), true}}, [&](const Mention& mention) {
      options.check("verify " + store.root().string());
      const auto known = bad.find(mention.digest);
      if (known != bad.end() && known->second.problem == Problem::damaged) {
        known->second.records.insert(i);
        return;
      }
      const auto status = os::regular_file_status(store.blob_path(mention.digest));
      if (!status && !mention.required) return;
      if (status && (!mention.size || *mention.size == status->size)) return;
      const Problem problem = status ? Problem::contested : Problem::missing;
      bad.emplace(mention.digest, Found{problem}).first->second.records.insert(i);
    });
  }
  for (const auto& [digest, found] : bad) {
    BadBlob& blob = report.bad.emplace_back(BadBlob{digest, found.problem, {}});
    for (const std::size_t i : found.records) blob.images.push_back(entries.records[i]);
  }
  return report;
}

}  // namespace vmkit::oci
