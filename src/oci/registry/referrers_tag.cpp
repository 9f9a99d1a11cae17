// SPDX-License-Identifier: Apache-2.0
#include "oci/registry/referrers_tag.hpp"

#include <optional>

#include "oci/document/json.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

using Json = nlohmann::json;

/// What the list says of a manifest.
Json referrer_entry(const Descriptor& descriptor, std::string_view content) {
  const Json document = parse_json(content, "manifest " + descriptor.digest.to_string());
  Json entry = {{"mediaType", descriptor.media_type},
                {"digest", descriptor.digest.to_string()},
                {"size", descriptor.size.bytes()}};
  const JsonObject manifest(document, "manifest " + descriptor.digest.to_string());
  std::string type = manifest.text("artifactType");
  if (type.empty()) {
    if (const auto config = manifest.object("config")) type = config->text("mediaType");
  }
  if (!type.empty()) entry["artifactType"] = type;
  if (const auto annotations = manifest.text_map("annotations"); !annotations.empty()) {
    entry["annotations"] = annotations;
  }
  return entry;
}

/// The list as it is; nullopt if it has `digest` already.
std::optional<Json> list_without(RegistryClient& client, const Reference& tag,
                                 const std::string& digest, const CallOptions& options) {
  Json list;
  try {
    const ManifestDocument found = client.fetch_manifest(tag, options);
    const std::string what = "referrers " + tag.to_string();
    for (const Descriptor& entry :
         Index::parse(found.content, what, found.descriptor.media_type).manifests) {
      if (entry.digest.to_string() == digest) return std::nullopt;
    }
    list = parse_json(found.content, what);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
    list = {
        {"schemaVersion", 2}, {"mediaType", media_type::oci_index}, {"manifests", Json::array()}};
  }
  return list;
}

}  // namespace

std::string subject_of(std::string_view content) {
  try {
    const Json document = parse_json(content, "manifest");
    const auto subject = JsonObject(document, "manifest").object("subject");
    return subject ? subject->text("digest") : std::string();
  } catch (const Error&) {
    return {};  // what it is, the registry judges
  }
}

std::string referrers_tag(const Digest& subject) {
  // The specification bounds both parts.
  return std::string(to_string(subject.algorithm())).substr(0, 32) + '-' +
         subject.hex().substr(0, 64);
}

void add_to_referrers_tag(RegistryClient& client, const Reference& repository,
                          const Digest& subject, const Descriptor& descriptor,
                          std::string_view content, const CallOptions& options) {
  constexpr int most_attempts = 5;
  const Reference tag = Reference::parse(repository.name() + ':' + referrers_tag(subject));
  const std::string digest = descriptor.digest.to_string();
  const Json entry = referrer_entry(descriptor, content);
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    std::optional<Json> list = list_without(client, tag, digest, options);
    if (!list) return;
    (*list)["manifests"].push_back(entry);
    client.push_manifest(tag, std::string(media_type::oci_index), list->dump(), options);
  }
  if (list_without(client, tag, digest, options)) {
    throw Error(Errc::unavailable, "referrers " + tag.to_string() + ": after " +
                                       std::to_string(most_attempts) +
                                       " attempts the list has no " + digest +
                                       ": others change it all the time; push again");
  }
}

}  // namespace vmkit::oci
