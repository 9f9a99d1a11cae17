// SPDX-License-Identifier: Apache-2.0
#include "oci/layout_index.hpp"

#include <algorithm>

#include "oci/descriptor_json.hpp"
#include "oci/json.hpp"
#include "oci/store_layout.hpp"
#include "os/file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

using nlohmann::json;

// Far more than a store of thousands of images has.
constexpr JsonLimits index_limits{.size = ByteSize(32 << 20), .depth = 32, .values = 1'000'000};
constexpr std::size_t most_entries = 50'000;

/// The full name where there is one: ref.name cannot hold every reference.
std::string name_of(const json& entry) {
  const auto annotations = entry.find("annotations");
  if (annotations == entry.end() || !annotations->is_object()) return {};
  for (const char* key : {annotation::image_name, annotation::ref_name}) {
    const auto name = annotations->find(key);
    if (name != annotations->end() && name->is_string()) return name->get<std::string>();
  }
  return {};
}

json to_json(const Platform& platform) {
  json result = {{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.variant.empty()) result["variant"] = platform.variant;
  if (!platform.os_version.empty()) result["os.version"] = platform.os_version;
  return result;
}

json to_json(const ImageRecord& record) {
  json result = {{"mediaType", record.manifest.media_type},
                 {"digest", record.manifest.digest.to_string()},
                 {"size", record.manifest.size.bytes()}};
  if (record.manifest.platform) result["platform"] = to_json(*record.manifest.platform);
  json annotations = json::object();
  annotations[annotation::image_name] = record.name;
  // The specification's grammar for it has no brackets, so not for an IPv6 registry.
  if (record.name.find('[') == std::string::npos) annotations[annotation::ref_name] = record.name;
  if (record.source) annotations[annotation::source] = record.source->to_string();
  result["annotations"] = std::move(annotations);
  return result;
}

}  // namespace

LayoutIndex::LayoutIndex()
    : document_({{"schemaVersion", 2},
                 {"mediaType", media_type::oci_index},
                 {"manifests", json::array()}}) {}

LayoutIndex LayoutIndex::read(const std::filesystem::path& store_root) {
  const auto path = store_root / layout::index;
  LayoutIndex result;
  result.document_ =
      parse_json(os::read_file(path, index_limits.size), path.string(), index_limits);
  const JsonObject document(result.document_, path.string());
  if (const auto version = document.required_number("schemaVersion"); version != 2) {
    document.fail("schemaVersion", "expected 2, found " + std::to_string(version));
  }
  document.objects("manifests", most_entries);
  if (!document.has("manifests")) result.document_["manifests"] = json::array();
  return result;
}

std::vector<ImageRecord> LayoutIndex::records() const {
  const JsonObject document(document_, "index.json of the store");
  std::vector<ImageRecord> result;
  for (const JsonObject& entry : document.objects("manifests", most_entries)) {
    const json& raw = document_["manifests"][result.size()];
    ImageRecord record{name_of(raw), parse_descriptor(entry)};
    if (const auto source = record.manifest.annotations.find(annotation::source);
        source != record.manifest.annotations.end()) {
      record.source = Digest::try_parse(source->second);
    }
    result.push_back(std::move(record));
  }
  return result;
}

bool LayoutIndex::erase(const std::string& name) {
  auto& entries = document_["manifests"].get_ref<json::array_t&>();
  return std::erase_if(entries, [&](const json& entry) { return name_of(entry) == name; }) != 0;
}

void LayoutIndex::put(const ImageRecord& record) {
  erase(record.name);
  document_["manifests"].push_back(to_json(record));
}

void LayoutIndex::write(const std::filesystem::path& store_root) const {
  os::write_file_atomically(store_root / layout::index, document_.dump());
}

}  // namespace vmkit::oci
