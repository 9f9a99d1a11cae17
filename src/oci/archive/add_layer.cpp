// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "oci/archive/import_spool.hpp"
#include "oci/archive/spooled_file.hpp"
#include "oci/document/json.hpp"

#include <vmkit/archive/compress.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/oci/add_layer.hpp>
#include <vmkit/oci/lease.hpp>

namespace vmkit::oci {
namespace {

using Json = nlohmann::json;

archive::Compression packing_of(LayerCompression compression) {
  switch (compression) {
    case LayerCompression::gzip:
      return archive::Compression::gzip;
    case LayerCompression::zstd:
      return archive::Compression::zstd;
    case LayerCompression::none:
      break;
  }
  return archive::Compression::none;
}

std::string_view new_layer_type(bool docker, LayerCompression compression) {
  switch (compression) {
    case LayerCompression::gzip:
      return docker ? media_type::docker_layer_gzip : media_type::oci_layer_gzip;
    case LayerCompression::zstd:
      return docker ? media_type::docker_layer_zstd : media_type::oci_layer_zstd;
    case LayerCompression::none:
      break;
  }
  return docker ? media_type::docker_layer : media_type::oci_layer;
}

/// RFC 3339, in UTC and whole seconds.
std::string text_of(std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

/// Hashes what goes through.
class HashingSink final : public Sink {
 public:
  explicit HashingSink(Sink& target) : target_(target), hasher_(DigestAlgorithm::sha256) {}
  void write(std::span<const std::byte> data) override {
    hasher_.update(data);
    target_.write(data);
  }
  Digest finish() { return hasher_.finish(); }

 private:
  Sink& target_;
  Hasher hasher_;
};

Json history_entry(const NewLayer& layer, bool empty) {
  Json entry = Json::object();
  if (layer.created) entry["created"] = text_of(*layer.created);
  if (!layer.created_by.empty()) entry["created_by"] = layer.created_by;
  if (!layer.author.empty()) entry["author"] = layer.author;
  if (!layer.comment.empty()) entry["comment"] = layer.comment;
  if (empty) entry["empty_layer"] = true;
  return entry;
}

std::string dump(const Json& document) {
  std::string text;
  try {
    text = document.dump();
  } catch (const Json::exception&) {
    throw Error(Errc::invalid_argument, "a new layer's text is not UTF-8");
  }
  if (text.size() <= longest_document.bytes()) return text;
  throw Error(Errc::resource_exhausted,
              "the image's configuration or manifest becomes longer than " +
                  vmkit::to_string(longest_document));
}

std::string extended_config(Json config, const NewLayer& layer,
                            const std::optional<Digest>& diff_id) {
  if (layer.created) {
    config["created"] = text_of(*layer.created);
  } else {
    config.erase("created");
  }
  if (!layer.author.empty()) config["author"] = layer.author;
  Json& diff_ids = config["rootfs"]["diff_ids"];
  const auto history = config.find("history");
  const bool told = history != config.end() && history->is_array() && !history->empty();
  // A history that was not told so far cannot begin in the middle.
  if (!told && diff_ids.empty()) config["history"] = Json::array();
  if (told || diff_ids.empty()) config["history"].push_back(history_entry(layer, !diff_id));
  if (diff_id) diff_ids.push_back(diff_id->to_string());
  return dump(config);
}

Json json_of(const Descriptor& descriptor) {
  return {{"mediaType", descriptor.media_type},
          {"digest", descriptor.digest.to_string()},
          {"size", descriptor.size.bytes()}};
}

std::string new_manifest(const Manifest& base, const Descriptor& config,
                         const std::optional<Descriptor>& layer) {
  Json document = {{"schemaVersion", 2},
                   {"mediaType", base.media_type},
                   {"config", json_of(config)},
                   {"layers", Json::array()}};
  for (const Descriptor& lower : base.layers) document["layers"].push_back(json_of(lower));
  if (layer) document["layers"].push_back(json_of(*layer));
  return dump(document);
}

}  // namespace

Image add_layer(ImageStore& store, const Image& base, const Reference& name, const NewLayer& layer,
                const CallOptions& options) {
  options.check("commit " + name.to_string());
  if (base.manifest.layers.size() >= most_layers) {
    throw Error(Errc::resource_exhausted, base.reference.to_string() + " has " +
                                              std::to_string(most_layers) +
                                              " layers, more cannot be read");
  }
  Lease lease = Lease::of(store, base, options);
  ImportSpool spool(store);
  SpooledFile packed(spool, DigestAlgorithm::sha256);
  archive::Compressor compressor(packed, {.compression = packing_of(layer.compression)});
  HashingSink tar(compressor);
  const bool has_content = layer.write(tar);
  compressor.finish();
  packed.finish();
  const bool docker = base.manifest.media_type == media_type::docker_manifest;
  std::optional<Digest> diff_id;
  std::optional<Descriptor> blob;
  if (has_content) {
    diff_id = tar.finish();
    blob = Descriptor{std::string(new_layer_type(docker, layer.compression)), packed.digest(),
                      packed.size()};
  }
  const Descriptor& base_config = base.manifest.config;
  const std::string config = extended_config(
      parse_json(store.read_blob(base_config), base_config.digest.to_string()), layer, diff_id);
  const Descriptor config_blob{base_config.media_type, digest_of(config), ByteSize(config.size())};
  const std::string manifest = new_manifest(base.manifest, config_blob, blob);
  std::vector<Digest> needed{config_blob.digest, digest_of(manifest)};
  if (blob) needed.push_back(blob->digest);
  lease.add(needed, options);
  options.check("commit " + name.to_string());
  if (blob) packed.store(store);
  store.put_blob(config_blob.media_type, config, options);
  const Descriptor stored = store.put_blob(base.manifest.media_type, manifest, options);
  return store.tag(name, stored, std::nullopt, options);
}

}  // namespace vmkit::oci
