// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/docker_archive.hpp"

#include <nlohmann/json.hpp>

#include "oci/document/json.hpp"
#include "oci/document/platform_choice.hpp"

#include <vmkit/archive/compression.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::oci {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_images = 1000;
constexpr std::size_t layer_read_size = 256 * 1024;

Json to_json(const Descriptor& descriptor) {
  return {{"mediaType", descriptor.media_type},
          {"digest", descriptor.digest.to_string()},
          {"size", descriptor.size.bytes()}};
}

/// The digest that the name of a configuration promises: "HEX.json".
std::optional<Digest> promised_digest(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  if (slash != name.npos) name.remove_prefix(slash + 1);
  if (!name.ends_with(".json")) return std::nullopt;
  name.remove_suffix(5);
  return Digest::try_parse("sha256:" + std::string(name));
}

std::string_view layer_type(archive::Compression compression) {
  switch (compression) {
    case archive::Compression::gzip:
      return media_type::oci_layer_gzip;
    case archive::Compression::zstd:
      return media_type::oci_layer_zstd;
    default:
      return media_type::oci_layer;
  }
}

}  // namespace

std::vector<DockerArchiveImage> parse_docker_manifest(std::string_view text,
                                                      std::string_view what) {
  const Json document = parse_json(text, what);
  if (!document.is_array()) {
    throw Error(Errc::data_corruption,
                std::string(what) + ": expected an array, found " + document.type_name());
  }
  if (document.size() > most_images) {
    throw Error(Errc::data_corruption, std::string(what) + ": expected at most " +
                                           std::to_string(most_images) + " images, found " +
                                           std::to_string(document.size()));
  }
  std::vector<DockerArchiveImage> result;
  for (const Json& item : document) {
    const JsonObject object(item, std::string(what), '[' + std::to_string(result.size()) + ']');
    result.push_back(
        {object.required_text("Config"), object.texts("RepoTags"), object.texts("Layers")});
  }
  return result;
}

std::string to_docker_manifest(const std::vector<DockerArchiveImage>& images) {
  Json document = Json::array();
  for (const DockerArchiveImage& image : images) {
    document.push_back(
        {{"Config", image.config}, {"RepoTags", image.tags}, {"Layers", image.layers}});
  }
  return document.dump();
}

std::string make_manifest(const Descriptor& config, const std::vector<Descriptor>& layers) {
  Json document = {{"schemaVersion", 2},
                   {"mediaType", media_type::oci_manifest},
                   {"config", to_json(config)},
                   {"layers", Json::array()}};
  for (const Descriptor& layer : layers) document["layers"].push_back(to_json(layer));
  return document.dump();
}

const DockerArchive::Config& DockerArchive::config_of(const std::string& name, SpooledFile& file) {
  const auto known = configs_.find(&file);
  if (known != configs_.end()) return known->second;
  const std::string what = files_.entry_text(name);
  if (const auto promised = promised_digest(name); promised && *promised != file.digest()) {
    throw Error(Errc::data_corruption,
                what + ": its content has the digest " + file.digest().to_string());
  }
  ImageConfig config = ImageConfig::parse(files_.text(name), what);
  return configs_.emplace(&file, Config{std::move(config.diff_ids), std::move(config.platform)})
      .first->second;
}

void DockerArchive::verify_diff_id(const std::string& name, SpooledFile& file,
                                   const Digest& diff_id) {
  const auto known = verified_.find(&file);
  if (known != verified_.end() && known->second == diff_id) return;
  Digest found = file.digest();
  if (file.compression() != archive::Compression::none ||
      found.algorithm() != diff_id.algorithm()) {
    const auto content = archive::decompress(file.open(), {.output_limit = limit_});
    Hasher hasher(diff_id.algorithm());
    std::vector<std::byte> buffer(layer_read_size);
    try {
      while (const std::size_t count = content->read(buffer)) {
        options_.check("import " + archive_);
        hasher.update(std::span(buffer).first(count));
      }
    } catch (const Error& error) {
      throw error.with_context(files_.entry_text(name));
    }
    found = hasher.finish();
  }
  if (found != diff_id) {
    throw Error(Errc::data_corruption, files_.entry_text(name) +
                                           ": expected a layer with the diff ID " +
                                           diff_id.to_string() + ", found " + found.to_string());
  }
  verified_.insert_or_assign(&file, diff_id);
}

Descriptor DockerArchive::layer_of(const std::string& name, const Digest& diff_id) {
  SpooledFile& file = files_.file(name);
  verify_diff_id(name, file, diff_id);
  return {std::string(layer_type(file.compression())), file.digest(), file.size()};
}

std::vector<FoundImage> DockerArchive::find(ArchiveNames& names, const Platform& platform) {
  std::vector<FoundImage> result;
  for (DockerArchiveImage& image :
       parse_docker_manifest(files_.text("manifest.json"), archive_ + ": manifest.json")) {
    SpooledFile& config_file = files_.file(image.config);
    if (image.tags.empty()) image.tags.emplace_back();
    std::erase_if(image.tags,
                  [&](const std::string& tag) { return !names.wants(tag, config_file.digest()); });
    if (image.tags.empty()) continue;
    const Config& config = config_of(image.config, config_file);
    try {
      check_layer_count(config_file.digest(), image.layers.size(), config.diff_ids.size());
      check_platform(platform, config.platform);
    } catch (const Error& error) {
      throw error.with_context(files_.entry_text(image.config));
    }
    Made made;
    std::vector<Descriptor> layers;
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      layers.push_back(layer_of(image.layers[i], config.diff_ids[i]));
      made.files.push_back(&files_.file(image.layers[i]));
    }
    made.files.push_back(&config_file);
    made.manifest = make_manifest(
        {std::string(media_type::oci_config), config_file.digest(), config_file.size()}, layers);
    const Descriptor manifest{std::string(media_type::oci_manifest), digest_of(made.manifest),
                              ByteSize(made.manifest.size())};
    for (const std::string& tag : image.tags) {
      result.push_back({{tag, manifest, config.platform}, manifest.digest});
    }
    made_.insert_or_assign(manifest.digest, std::move(made));
  }
  names.check_all_found(archive_);
  return result;
}

void DockerArchive::add_blobs(const Digest& manifest, std::set<Digest>& blobs) const {
  blobs.insert(manifest);
  for (const SpooledFile* file : made_.at(manifest).files) blobs.insert(file->digest());
}

void DockerArchive::store(const Digest& manifest, ImageStore& store) {
  const Made& made = made_.at(manifest);
  for (SpooledFile* file : made.files) {
    options_.check("import " + archive_);
    file->store(store);
  }
  store.put_blob(std::string(media_type::oci_manifest), made.manifest, options_);
}

}  // namespace vmkit::oci
