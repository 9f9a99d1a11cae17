// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "oci/document/descriptor_json.hpp"
#include "oci/document/json.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t most_manifests = 4096;

/// nullopt where it says too little to match anything: some tools write an empty platform.
std::optional<Platform> parse_platform(const JsonObject& object) {
  Platform result{object.word("os"), object.word("architecture"), object.word("variant"),
                  object.text("os.version")};
  if (result.os.empty() || result.architecture.empty()) return std::nullopt;
  return result.normalized();
}

void check_schema_version(const JsonObject& document) {
  if (const auto version = document.required_number("schemaVersion"); version != 2) {
    document.fail("schemaVersion", "expected 2, found " + std::to_string(version));
  }
}

/// The type that the document has, once it is sure that it contradicts neither the sender nor
/// itself: a document that could be read as both an index and a manifest is an attack.
std::string agreed_type(const JsonObject& document, std::string_view sent_as,
                        const char* other_kind, bool (*fits)(std::string_view),
                        std::string_view implied) {
  const std::string own = document.word("mediaType");
  if (!own.empty() && !sent_as.empty() && own != sent_as) {
    document.fail("mediaType",
                  "expected " + std::string(sent_as) + ", as it was announced, found " + own);
  }
  if (document.has(other_kind)) {
    document.fail(other_kind, "an index and an image manifest in one document");
  }
  std::string type = !own.empty() ? own : std::string(sent_as.empty() ? implied : sent_as);
  if (!fits(type)) document.fail("mediaType", "found the unexpected type " + type);
  return type;
}

}  // namespace

Descriptor parse_descriptor(const JsonObject& object) {
  Descriptor result{object.required_word("mediaType"), object.required_digest("digest"),
                    ByteSize(object.required_number("size"))};
  if (const auto platform = object.object("platform")) {
    result.platform = parse_platform(*platform);
  }
  result.artifact_type = object.word("artifactType");
  result.annotations = object.text_map("annotations");
  return result;
}

Index Index::parse(std::string_view text, std::string_view what, std::string_view sent_as) {
  const auto json = parse_json(text, what);
  const JsonObject document(json, std::string(what));
  check_schema_version(document);
  Index result;
  result.media_type =
      agreed_type(document, sent_as, "layers", media_type::is_index, media_type::oci_index);
  if (!document.has("manifests")) document.fail("manifests", "expected an array, found nothing");
  for (const JsonObject& entry : document.objects("manifests", most_manifests)) {
    result.manifests.push_back(parse_descriptor(entry));
  }
  result.annotations = document.text_map("annotations");
  return result;
}

Manifest Manifest::parse(std::string_view text, std::string_view what, std::string_view sent_as) {
  const auto json = parse_json(text, what);
  const JsonObject document(json, std::string(what));
  check_schema_version(document);
  std::string type = agreed_type(document, sent_as, "manifests", media_type::is_manifest,
                                 media_type::oci_manifest);
  Manifest result{std::move(type), parse_descriptor(document.required_object("config")), {}};
  if (!document.has("layers")) document.fail("layers", "expected an array, found nothing");
  for (const JsonObject& entry : document.objects("layers", most_layers)) {
    result.layers.push_back(parse_descriptor(entry));
  }
  result.artifact_type = document.word("artifactType");
  if (const auto subject = document.object("subject")) result.subject = parse_descriptor(*subject);
  result.annotations = document.text_map("annotations");
  return result;
}

std::string document_type(std::string_view text, std::string_view what) {
  const auto json = parse_json(text, what);
  const JsonObject document(json, std::string(what));
  if (document.required_number("schemaVersion") == 1) {
    throw Error(Errc::unsupported,
                std::string(what) +
                    ": Docker's image manifest schema 1 is not supported; push the "
                    "image again with a current tool");
  }
  if (document.has("mediaType")) return document.required_word("mediaType");
  if (document.has("manifests")) return std::string(media_type::oci_index);
  if (document.has("layers")) return std::string(media_type::oci_manifest);
  throw Error(Errc::data_corruption, std::string(what) +
                                         ": expected an image manifest or an index, found neither "
                                         "\"layers\" nor \"manifests\"");
}

}  // namespace vmkit::oci
