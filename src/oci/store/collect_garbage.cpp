// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <unordered_set>

#include "oci/store/blob_graph.hpp"
#include "oci/store/ingest.hpp"
#include "oci/store/layout_index.hpp"
#include "oci/store/lease_files.hpp"
#include "oci/store/store_files.hpp"
#include "oci/store/store_locks.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/base/progress.hpp>
#include <vmkit/oci/maintenance.hpp>

namespace vmkit::oci {
namespace {

using std::chrono::nanoseconds;

nanoseconds now() {
  return std::chrono::system_clock::now().time_since_epoch();
}

bool is_older(const os::FileStatus& status, std::chrono::seconds age) {
  // A file from the future, after a change of the clock, is not garbage for that.
  return age.count() <= 0 || now() - status.modified >= age;
}

}  // namespace

GarbageReport collect_garbage(ImageStore& store, const GarbageOptions& garbage_options,
                              const CallOptions& options) {
  GarbageReport report;
  const auto lock = lock_collection(store.root(), options);
  std::unordered_set<Digest> leased;
  for (Digest& digest : leased_digests(store.root())) leased.insert(std::move(digest));
  std::unordered_set<Digest> needed = leased;
  // Leased digests need not be opened: who leases an image leases all of its blobs.
  add_needed(store, mentions_in(LayoutIndex::read(store.root()).document()), needed, options);

  ProgressMeter meter(options.progress, "collect_garbage", {}, ProgressUnit::bytes, 0);
  const auto count = [&](std::uint64_t size) {
    report.freed = report.freed + ByteSize(size);
    meter.add(size);
  };
  for (const StoredBlob& blob : stored_blobs(store.root())) {
    if (!blob.status || needed.contains(blob.digest)) continue;
    if (!is_older(*blob.status, garbage_options.minimum_age)) continue;
    options.check("collect garbage in " + store.root().string());
    if (!garbage_options.dry_run) remove_store_file(blob.path);
    report.blobs.push_back({blob.digest, ByteSize(blob.status->size)});
    count(blob.status->size);
  }
  for (const PartialBlob& partial : partial_blobs(store.root())) {
    if (leased.contains(partial.digest)) continue;
    if (!is_older(partial.status, garbage_options.partial_age)) continue;
    options.check("collect garbage in " + store.root().string());
    if (is_being_written(partial)) continue;
    if (!garbage_options.dry_run && !remove_partial(partial)) continue;
    report.partials.push_back(partial.path.filename().string());
    count(partial.status.size);
  }
  meter.flush();
  return report;
}

}  // namespace vmkit::oci
