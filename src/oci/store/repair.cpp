// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <utility>

#include "oci/store/ingest.hpp"
#include "oci/store/layout_index.hpp"
#include "oci/store/store_files.hpp"
#include "oci/store/store_layout.hpp"
#include "oci/store/store_locks.hpp"
#include "os/directory.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/maintenance.hpp>

namespace vmkit::oci {
namespace {

/// Removes the blob unless somebody has replaced it since it was found to be damaged.
bool remove_if_damaged(const ImageStore& store, const Digest& digest, const CallOptions& options) {
  // Who writes the blob holds this, so that it is not removed when it has just become right.
  auto partial = os::ExclusiveFile::open(partial_path(store.root(), digest), options);
  const auto path = store.blob_path(digest);
  bool damaged = true;
  try {
    const ProgressCallback no_progress;
    ProgressMeter meter(no_progress, {}, {}, ProgressUnit::bytes, 0);
    damaged = !has_digest(open_store_file(path), digest, meter, options);
  } catch (const Error& error) {
    // data_corruption: something else is in its place.
    if (error.code() != Errc::not_found && error.code() != Errc::data_corruption) throw;
    damaged = error.code() == Errc::data_corruption;
  }
  if (damaged) remove_store_file(path);
  if (partial.file().size() == ByteSize(0)) partial.remove();
  return damaged;
}

/// Removes the entries of those images to which the blob is still missing, or contested.
void remove_images(const ImageStore& store, const BadBlob& bad, std::vector<ImageRecord>& removed,
                   const CallOptions& options) {
  // A pull that has fetched the blob meanwhile has to wait for this lock to tag its image.
  const auto lock = lock_index(store.root(), options);
  const bool is_there = os::regular_file_status(store.blob_path(bad.digest)).has_value();
  if (is_there && bad.problem != BadBlob::Problem::contested) return;
  LayoutIndex index = LayoutIndex::read(store.root());
  bool changed = false;
  for (const ImageRecord& image : bad.images) {
    if (!index.erase(image)) continue;
    removed.push_back(image);
    changed = true;
  }
  if (changed) index.write(store.root());
}

/// The document that a blob is, if it is an image's manifest or an index, and what it lists.
struct Rescued {
  Descriptor descriptor;
  std::vector<Descriptor> manifests;
};

std::optional<Rescued> rescue(const StoredBlob& blob) {
  if (!blob.status || blob.status->size > longest_document.bytes()) return std::nullopt;
  try {
    const os::File file = open_store_file(blob.path);
    std::byte first[1];
    if (file.read_at(0, first) == 0 || first[0] != std::byte{'{'}) return std::nullopt;
    const std::string content = os::read_file(file, longest_document);
    if (digest_of(content, blob.digest.algorithm()) != blob.digest) return std::nullopt;
    const std::string what = blob.path.string();
    Rescued result{{document_type(content, what), blob.digest, ByteSize(content.size())}, {}};
    if (media_type::is_index(result.descriptor.media_type)) {
      result.manifests = Index::parse(content, what).manifests;
    } else {
      Manifest::parse(content, what);
    }
    return result;
  } catch (const Error&) {
    return std::nullopt;  // some other JSON
  }
}

LayoutIndex index_of_all_images(const ImageStore& store, const CallOptions& options) {
  std::vector<Descriptor> found;
  std::set<Digest> listed;
  for (const StoredBlob& blob : stored_blobs(store.root())) {
    options.check("look for images in " + store.root().string());
    if (auto document = rescue(blob)) {
      found.push_back(std::move(document->descriptor));
      for (const Descriptor& manifest : document->manifests) listed.insert(manifest.digest);
    }
  }
  LayoutIndex index;
  for (const Descriptor& document : found) {
    if (!listed.contains(document.digest)) index.add_unnamed(document);
  }
  return index;
}

/// Where the old index.json is afterwards; empty if it could be read and stays.
std::filesystem::path replace_unreadable_index(const ImageStore& store,
                                               const CallOptions& options) {
  const auto no_collection = hold_off_collection(store.root(), options);
  const auto lock = lock_index(store.root(), options);
  try {
    LayoutIndex::read(store.root());
    return {};
  } catch (const Error& error) {
    if (error.code() != Errc::data_corruption && error.code() != Errc::not_found) throw;
  }
  const LayoutIndex index = index_of_all_images(store, options);
  const auto path = store.root() / layout::index;
  auto aside = path;
  aside += ".damaged-" + os::random_name();
  // At no time without an index.json: without one the store would be taken for a new one.
  std::error_code problem;
  std::filesystem::create_hard_link(path, aside, problem);
  if (problem) std::filesystem::rename(path, aside, problem);
  if (problem && problem != std::errc::no_such_file_or_directory) {
    throw Error::from_errno(problem.value(), "put aside " + path.string());
  }
  index.write(store.root());
  return problem ? std::filesystem::path() : aside;
}

}  // namespace

RepairReport repair(ImageStore& store, const RepairOptions& repair_options,
                    const CallOptions& options) {
  RepairReport report;
  if (repair_options.rebuild_index) report.damaged_index = replace_unreadable_index(store, options);
  report.found = verify(store, options);
  for (const BadBlob& bad : report.found.bad) {
    if (bad.problem != BadBlob::Problem::damaged) continue;
    if (remove_if_damaged(store, bad.digest, options)) report.removed_blobs.push_back(bad.digest);
  }
  if (repair_options.remove_incomplete) {
    for (const BadBlob& bad : report.found.bad) {
      remove_images(store, bad, report.removed_images, options);
    }
  }
  return report;
}

}  // namespace vmkit::oci
