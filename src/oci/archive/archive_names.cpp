// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/archive_names.hpp"

#include <map>

#include "oci/document/shown.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t most_names_in_message = 20;

Reference name_by_default(const ArchivedImage& image, std::string_view archive) {
  if (auto reference = reference_of(image.name)) return std::move(*reference);
  const std::string found = image.name.empty() ? "none" : shown(image.name);
  throw Error(Errc::invalid_argument,
              std::string(archive) + ": image " + image.manifest.digest.to_string() +
                  ": expected a name such as \"example.org/name:tag\" in the archive, found " +
                  found + "; give the name that it is to have");
}

}  // namespace

std::optional<Reference> reference_of(std::string_view archived_name) {
  if (archived_name.find_first_of("/:") == archived_name.npos) return std::nullopt;
  return Reference::try_parse(archived_name);
}

bool ArchiveNames::wants(std::string_view name, const Digest& digest) {
  if (options_.images.empty()) return true;
  if (there_.size() < most_names_in_message) {
    there_.insert(name.empty() ? digest.to_string() : shown(name));
  }
  const auto reference = reference_of(name);
  bool wanted = false;
  for (const std::string& image : options_.images) {
    const bool same = (!name.empty() && image == name) || image == digest.to_string() ||
                      (reference && reference_of(image) == reference);
    if (same) found_.insert(image);
    wanted = wanted || same;
  }
  return wanted;
}

void ArchiveNames::check_all_found(std::string_view archive) const {
  for (const std::string& image : options_.images) {
    if (found_.contains(image)) continue;
    std::string names;
    for (const std::string& name : there_) names += (names.empty() ? "" : ", ") + name;
    throw Error(Errc::not_found, std::string(archive) + ": there is no image " + shown(image) +
                                     "; there is: " + (names.empty() ? "none" : names));
  }
}

std::vector<NamedManifest> ArchiveNames::as_the_one(const std::vector<FoundImage>& images,
                                                    std::string_view archive) const {
  if (images.empty()) {
    throw Error(Errc::not_found, std::string(archive) + ": expected one image, found none");
  }
  for (const FoundImage& found : images) {
    if (found.image.manifest.digest == images.front().image.manifest.digest) continue;
    throw Error(Errc::invalid_argument,
                std::string(archive) + ": expected one image to be called " +
                    options_.reference->to_string() + ", found more: choose one of " +
                    shown(images.front().image.name) + ", " + shown(found.image.name));
  }
  return {{*options_.reference, images.front().image.manifest, images.front().source}};
}

std::vector<NamedManifest> ArchiveNames::resolve(const std::vector<FoundImage>& images,
                                                 std::string_view archive) const {
  if (options_.reference) return as_the_one(images, archive);
  std::vector<NamedManifest> result;
  std::map<Reference, Digest> given;
  for (const FoundImage& found : images) {
    std::optional<Reference> reference;
    if (options_.name_rule) {
      reference = options_.name_rule(found.image);
      if (!reference) continue;
    } else {
      reference = name_by_default(found.image, archive);
    }
    const Digest& digest = found.image.manifest.digest;
    const auto [place, added] = given.emplace(*reference, digest);
    if (added) {
      result.push_back({*reference, found.image.manifest, found.source});
    } else if (place->second != digest) {
      throw Error(Errc::invalid_argument,
                  std::string(archive) + ": two images would be called " + reference->to_string() +
                      ": " + place->second.to_string() + " and " + digest.to_string());
    }
  }
  return result;
}

}  // namespace vmkit::oci
