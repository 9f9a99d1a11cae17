// SPDX-License-Identifier: Apache-2.0
// What an ImageStore does with names.
#include <algorithm>
#include <set>
#include <utility>

#include "oci/document/platform_choice.hpp"
#include "oci/store/image_blobs.hpp"
#include "oci/store/index_cache.hpp"
#include "oci/store/layout_index.hpp"
#include "oci/store/store_locks.hpp"
#include "os/directory.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t shortest_prefix = 4;
constexpr std::size_t most_candidates_shown = 5;

const ImageRecord* record_named(const IndexEntries& entries, std::string_view name) {
  const auto found = std::find_if(entries.records.begin(), entries.records.end(),
                                  [&](const ImageRecord& record) { return record.name == name; });
  return found == entries.records.end() ? nullptr : &*found;
}

const ImageRecord* record_for(const IndexEntries& entries, const Reference& reference) {
  if (const auto* named = record_named(entries, reference.to_string())) return named;
  if (!reference.digest()) return nullptr;
  for (const ImageRecord& record : entries.records) {
    if (record.manifest.digest != *reference.digest() && record.source != reference.digest()) {
      continue;
    }
    const auto other = Reference::try_parse(record.name);
    if (other && other->name() == reference.name()) return &record;
  }
  return nullptr;
}

/// The record whose digest begins so. The same image under several names is one.
const ImageRecord* record_with_prefix(const IndexEntries& entries, std::string_view text) {
  const bool with_algorithm = text.find(':') != text.npos;
  const std::string_view digits = text.substr(with_algorithm ? text.find(':') + 1 : 0);
  if (digits.size() < shortest_prefix ||
      digits.find_first_not_of("0123456789abcdef") != digits.npos) {
    return nullptr;
  }
  std::vector<const ImageRecord*> candidates;
  for (const ImageRecord& record : entries.records) {
    const Digest& digest = record.manifest.digest;
    if (!(with_algorithm ? digest.to_string() : digest.hex()).starts_with(text)) continue;
    if (std::none_of(candidates.begin(), candidates.end(),
                     [&](const auto* other) { return other->manifest.digest == digest; })) {
      candidates.push_back(&record);
    }
    if (candidates.size() > most_candidates_shown) break;
  }
  if (candidates.size() <= 1) return candidates.empty() ? nullptr : candidates.front();
  std::string names;
  for (std::size_t i = 0; i < std::min(candidates.size(), most_candidates_shown); ++i) {
    names += (i == 0 ? "" : ", ") + candidates[i]->manifest.digest.to_string();
    if (!candidates[i]->name.empty()) names += " (" + candidates[i]->name + ')';
  }
  if (candidates.size() > most_candidates_shown) names += ", …";
  throw Error(Errc::invalid_argument, "\"" + std::string(text) +
                                          "\" is the beginning of more than one image's digest; "
                                          "give more of it: " +
                                          names);
}

std::optional<ImageRecord> copy_of(const ImageRecord* record) {
  return record == nullptr ? std::nullopt : std::optional(*record);
}

Reference reference_of(const ImageRecord& record) {
  if (auto parsed = Reference::try_parse(record.name);
      parsed && parsed->to_string() == record.name) {
    return *std::move(parsed);
  }
  return Reference::parse("localhost/unnamed", {.tag = {}}).with_digest(record.manifest.digest);
}

/// Down to the manifest, where the record is an index.
std::optional<Image> load_record(const ImageStore& store, const Reference& reference,
                                 const ImageRecord& record, const Platform& platform) {
  Descriptor manifest = record.manifest;
  for (int depth = 0; media_type::is_index(manifest.media_type); ++depth) {
    check_index_depth(depth, reference.to_string());
    const Index index = Index::parse(store.read_blob(manifest),
                                     "index " + manifest.digest.to_string(), manifest.media_type);
    const auto choice = choose_manifest(index, platform);
    if (!choice) return std::nullopt;
    manifest = index.manifests[*choice];
  }
  return store.load(reference, manifest);
}

}  // namespace

std::vector<ImageRecord> ImageStore::list() const {
  return index_->entries()->records;
}

std::optional<ImageRecord> ImageStore::find(const Reference& reference) const {
  return copy_of(record_for(*index_->entries(), reference));
}

std::optional<ImageRecord> ImageStore::find(std::string_view text) const {
  if (text.empty()) return std::nullopt;
  const auto entries = index_->entries();
  if (const auto* named = record_named(*entries, text)) return *named;
  if (const auto reference = Reference::try_parse(text)) {
    if (const auto* referred = record_for(*entries, *reference)) return *referred;
  }
  return copy_of(record_with_prefix(*entries, text));
}

std::optional<Image> ImageStore::resolve(const Reference& reference,
                                         const Platform& platform) const {
  const auto record = find(reference);
  if (!record) return std::nullopt;
  return load_record(*this, reference, *record, platform);
}

std::optional<Image> ImageStore::resolve(std::string_view text, const Platform& platform) const {
  const auto record = find(text);
  if (!record) return std::nullopt;
  return load_record(*this, reference_of(*record), *record, platform);
}

Image ImageStore::tag(const Reference& reference, const Descriptor& manifest,
                      const std::optional<Digest>& source, const CallOptions& options) {
  // What is seen to be there must be there still when the name is.
  const auto no_collection = hold_off_collection(root_, options);
  Image image = load(reference, manifest);
  // The files are synced; now their names.
  std::set<std::filesystem::path> folders;
  for (const Digest& digest : digests_of(image.descriptor, image.manifest)) {
    folders.insert(blob_path(digest).parent_path());
  }
  for (const auto& folder : folders) os::sync_directory(folder);

  const auto lock = lock_index(root_, options);
  LayoutIndex index = LayoutIndex::read(root_);
  index.put({reference.to_string(), image.descriptor, source.value_or(manifest.digest)});
  index.write(root_);
  return image;
}

void ImageStore::rename(const Reference& from, const Reference& to, const CallOptions& options) {
  const auto lock = lock_index(root_, options);
  LayoutIndex index = LayoutIndex::read(root_);
  const std::string old_name = from.to_string();
  const std::string new_name = to.to_string();
  if (!index.has(old_name)) throw Error(Errc::not_found, "there is no image " + old_name);
  if (old_name == new_name) return;
  if (index.has(new_name)) {
    throw Error(Errc::already_exists,
                "there is an image " + new_name + " already; remove it, or tag instead");
  }
  index.rename(old_name, new_name);
  index.write(root_);
}

bool ImageStore::remove(const Reference& reference, const CallOptions& options) {
  const auto lock = lock_index(root_, options);
  LayoutIndex index = LayoutIndex::read(root_);
  if (!index.erase(reference.to_string())) return false;
  index.write(root_);
  return true;
}

bool ImageStore::remove(const ImageRecord& record, const CallOptions& options) {
  const auto lock = lock_index(root_, options);
  LayoutIndex index = LayoutIndex::read(root_);
  if (!index.erase(record)) return false;
  index.write(root_);
  return true;
}

}  // namespace vmkit::oci
