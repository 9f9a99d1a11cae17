// SPDX-License-Identifier: Apache-2.0
#include "fuzz/document_text.hpp"

#include <nlohmann/json.hpp>

namespace vmkit::fuzz {
namespace {

using nlohmann::json;

void put_platform(json& object, const oci::Platform& platform) {
  object["os"] = platform.os;
  object["architecture"] = platform.architecture;
  object["variant"] = platform.variant;
  object["os.version"] = platform.os_version;
}

json object_of(const oci::Descriptor& descriptor) {
  json object = {{"mediaType", descriptor.media_type},
                 {"digest", descriptor.digest.to_string()},
                 {"size", descriptor.size.bytes()},
                 {"artifactType", descriptor.artifact_type},
                 {"annotations", descriptor.annotations}};
  if (descriptor.platform) put_platform(object["platform"], *descriptor.platform);
  return object;
}

json array_of(const std::vector<oci::Descriptor>& descriptors) {
  json array = json::array();
  for (const auto& descriptor : descriptors) array.push_back(object_of(descriptor));
  return array;
}

/// The way that a set is written in a configuration.
json set_of(const std::vector<std::string>& names) {
  json object = json::object();
  for (const std::string& name : names) object[name] = json::object();
  return object;
}

}  // namespace

std::string text_of(const oci::Manifest& manifest) {
  json object = {{"schemaVersion", 2},
                 {"mediaType", manifest.media_type},
                 {"config", object_of(manifest.config)},
                 {"layers", array_of(manifest.layers)},
                 {"artifactType", manifest.artifact_type},
                 {"annotations", manifest.annotations}};
  if (manifest.subject) object["subject"] = object_of(*manifest.subject);
  return object.dump();
}

std::string text_of(const oci::Index& index) {
  return json{{"schemaVersion", 2},
              {"mediaType", index.media_type},
              {"manifests", array_of(index.manifests)},
              {"annotations", index.annotations}}
      .dump();
}

std::string text_of(const oci::ImageConfig& config) {
  json diff_ids = json::array();
  for (const Digest& digest : config.diff_ids) diff_ids.push_back(digest.to_string());
  json history = json::array();
  for (const oci::HistoryEntry& entry : config.history) {
    history.push_back({{"created", entry.created},
                       {"created_by", entry.created_by},
                       {"author", entry.author},
                       {"comment", entry.comment},
                       {"empty_layer", entry.empty_layer}});
  }
  json object = {{"created", config.created},
                 {"author", config.author},
                 {"config",
                  {{"User", config.user},
                   {"Env", config.env},
                   {"Entrypoint", config.entrypoint},
                   {"Cmd", config.cmd},
                   {"WorkingDir", config.working_dir},
                   {"StopSignal", config.stop_signal},
                   {"ExposedPorts", set_of(config.exposed_ports)},
                   {"Volumes", set_of(config.volumes)},
                   {"Labels", config.labels}}},
                 {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}},
                 {"history", history}};
  put_platform(object, config.platform);
  return object.dump();
}

}  // namespace vmkit::fuzz
