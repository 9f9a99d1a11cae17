// SPDX-License-Identifier: Apache-2.0
#include "oci/store/layout_index.hpp"

#include <algorithm>

#include "oci/document/descriptor_json.hpp"
#include "oci/document/json.hpp"
#include "oci/store/store_files.hpp"
#include "oci/store/store_layout.hpp"
#include "os/file.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

using Json = nlohmann::json;

// Far more than a store of thousands of images has.
constexpr JsonLimits index_limits{.size = ByteSize(32 << 20), .depth = 32, .values = 1'000'000};
constexpr std::size_t most_entries = 50'000;

/// The full name where there is one: ref.name cannot hold every reference.
std::string name_of(const Json& entry) {
  const auto annotations = entry.find("annotations");
  if (annotations == entry.end() || !annotations->is_object()) return {};
  for (const char* key : {annotation::image_name, annotation::ref_name}) {
    const auto name = annotations->find(key);
    if (name != annotations->end() && name->is_string()) return name->get<std::string>();
  }
  return {};
}

Json to_json(const Platform& platform) {
  Json result = {{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.variant.empty()) result["variant"] = platform.variant;
  if (!platform.os_version.empty()) result["os.version"] = platform.os_version;
  return result;
}

void set_name(Json& annotations, const std::string& name) {
  annotations[annotation::image_name] = name;
  // The specification's grammar for it has no brackets, so not for an IPv6 registry.
  if (name.find('[') == std::string::npos) {
    annotations[annotation::ref_name] = name;
  } else {
    annotations.erase(annotation::ref_name);
  }
}

Json to_json(const ImageRecord& record) {
  Json result = {{"mediaType", record.manifest.media_type},
                 {"digest", record.manifest.digest.to_string()},
                 {"size", record.manifest.size.bytes()}};
  if (record.manifest.platform) result["platform"] = to_json(*record.manifest.platform);
  Json annotations = Json::object();
  set_name(annotations, record.name);
  if (record.source) annotations[annotation::source] = record.source->to_string();
  result["annotations"] = std::move(annotations);
  return result;
}

}  // namespace

LayoutIndex::LayoutIndex()
    : document_({{"schemaVersion", 2},
                 {"mediaType", media_type::oci_index},
                 {"manifests", Json::array()}}) {}

IndexText read_index_text(const std::filesystem::path& path) {
  const os::File file = open_store_file(path);
  IndexText result{{}, file.status()};
  const auto refuse = [&] {
    throw Error(Errc::data_corruption, path.string() + ": expected at most " +
                                           to_string(index_limits.size) + ", found more");
  };
  if (result.status.size > index_limits.size.bytes()) refuse();
  try {
    result.content = os::read_file(file, index_limits.size);
  } catch (const Error& error) {
    if (error.code() != Errc::resource_exhausted) throw;
    refuse();  // it grows while it is read
  }
  return result;
}

LayoutIndex LayoutIndex::read(const std::filesystem::path& store_root) {
  const auto path = store_root / layout::index;
  return parse(read_index_text(path).content, path);
}

LayoutIndex LayoutIndex::parse(const std::string& text, const std::filesystem::path& path) {
  LayoutIndex result;
  result.document_ = parse_json(text, path.string(), index_limits);
  const JsonObject document(result.document_, path.string());
  if (const auto version = document.required_number("schemaVersion"); version != 2) {
    document.fail("schemaVersion", "expected 2, found " + std::to_string(version));
  }
  if (!document.has("manifests")) result.document_["manifests"] = Json::array();
  const Json& entries = result.document_["manifests"];
  if (!entries.is_array()) {
    document.fail("manifests", std::string("expected an array, found ") + entries.type_name());
  }
  if (entries.size() > most_entries) {
    document.fail("manifests", "expected at most " + std::to_string(most_entries) +
                                   " entries, found " + std::to_string(entries.size()));
  }
  return result;
}

IndexEntries LayoutIndex::entries() const {
  IndexEntries result;
  std::size_t position = 0;
  for (const Json& entry : document_["manifests"]) {
    std::string name = name_of(entry);
    try {
      const std::string place = "manifests[" + std::to_string(position) + "]";
      ImageRecord record{std::move(name), parse_descriptor(JsonObject(entry, "index.json", place))};
      if (const auto source = record.manifest.annotations.find(annotation::source);
          source != record.manifest.annotations.end()) {
        record.source = Digest::try_parse(source->second);
      }
      result.records.push_back(std::move(record));
      result.positions.push_back(position);
    } catch (const Error& error) {
      result.odd.push_back({position, name_of(entry), error.what()});
    }
    ++position;
  }
  return result;
}

bool LayoutIndex::has(const std::string& name) const {
  const auto& entries = document_["manifests"];
  return std::any_of(entries.begin(), entries.end(),
                     [&](const Json& entry) { return name_of(entry) == name; });
}

bool LayoutIndex::erase(const std::string& name) {
  auto& entries = document_["manifests"].get_ref<Json::array_t&>();
  return std::erase_if(entries, [&](const Json& entry) { return name_of(entry) == name; }) != 0;
}

bool LayoutIndex::erase(const ImageRecord& record) {
  auto& entries = document_["manifests"].get_ref<Json::array_t&>();
  const Json digest = record.manifest.digest.to_string();
  return std::erase_if(entries, [&](const Json& entry) {
           if (!entry.is_object() || name_of(entry) != record.name) return false;
           const auto found = entry.find("digest");
           return found != entry.end() && *found == digest;
         }) != 0;
}

void LayoutIndex::put(const ImageRecord& record) {
  erase(record.name);
  document_["manifests"].push_back(to_json(record));
}

void LayoutIndex::add_unnamed(const Descriptor& manifest) {
  Json entry = to_json(ImageRecord{{}, manifest});
  entry.erase("annotations");
  document_["manifests"].push_back(std::move(entry));
}

void LayoutIndex::rename(const std::string& from, const std::string& to) {
  for (Json& entry : document_["manifests"]) {
    if (name_of(entry) == from) set_name(entry["annotations"], to);
  }
}

void LayoutIndex::write(const std::filesystem::path& store_root) const {
  const auto path = store_root / layout::index;
  const std::string text = document_.dump();
  // What could not be read again must not be written.
  if (text.size() > index_limits.size.bytes() || document_["manifests"].size() > most_entries) {
    throw Error(Errc::resource_exhausted, path.string() + ": expected at most " +
                                              std::to_string(most_entries) + " entries and " +
                                              vmkit::to_string(index_limits.size) +
                                              "; remove names that are not needed");
  }
  os::write_file_atomically(path, text);
}

}  // namespace vmkit::oci
