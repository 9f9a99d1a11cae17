// SPDX-License-Identifier: Apache-2.0
#include "support/test_image.hpp"

#include <random>

#include "os/directory.hpp"
#include "os/file.hpp"
#include "support/programs.hpp"

#include <vmkit/oci/image_archive.hpp>
#include <vmkit/oci/media_type.hpp>

namespace vmkit::test {
namespace {

namespace media_type = oci::media_type;

std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

TestBlob make_manifest(std::string_view type, const TestBlob& config,
                       const std::vector<TestBlob>& layers) {
  std::string json = R"({"schemaVersion":2,"mediaType":)" + in_quotes(type) + R"(,"config":)" +
                     config.descriptor() + R"(,"layers":[)";
  for (std::size_t i = 0; i < layers.size(); ++i) {
    json += (i == 0 ? "" : ",") + layers[i].descriptor();
  }
  return {std::string(type), json + "]}"};
}

}  // namespace

std::string TestBlob::descriptor(const std::string& more) const {
  return R"({"mediaType":)" + in_quotes(media_type) + R"(,"digest":)" +
         in_quotes(digest().to_string()) + R"(,"size":)" + std::to_string(content.size()) + more +
         '}';
}

TestImage TestImage::make(const std::string& architecture, std::vector<TestBlob> layers,
                          std::vector<Digest> diff_ids) {
  std::string json = R"({"os":"linux","architecture":)" + in_quotes(architecture) +
                     R"(,"created":"2024-01-02T03:04:05Z","config":{"Env":["PATH=/bin"],)"
                     R"("Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":[)";
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Digest id = i < diff_ids.size() ? diff_ids[i] : layers[i].digest();
    json += (i == 0 ? "" : ",") + in_quotes(id.to_string());
  }
  TestImage image;
  image.layers = std::move(layers);
  image.config = {std::string(media_type::oci_config), json + "]}}"};
  image.manifest = make_manifest(media_type::oci_manifest, image.config, image.layers);
  return image;
}

TestImage TestImage::as_docker() const {
  TestImage image = *this;
  image.config.media_type = media_type::docker_config;
  for (TestBlob& layer : image.layers) layer.media_type = media_type::docker_layer_gzip;
  image.manifest = make_manifest(media_type::docker_manifest, image.config, image.layers);
  return image;
}

std::vector<TestBlob> TestImage::blobs() const {
  std::vector<TestBlob> result = layers;
  result.push_back(config);
  result.push_back(manifest);
  return result;
}

oci::Image import_folder(const std::filesystem::path& root, oci::ImageStore& store,
                         const std::string& architecture) {
  const std::string tar = run_program({"tar", "--create", "--owner=0", "--group=0", "--mode=0755",
                                       "--directory", root.string(), "."});
  const auto image = TestImage::make(architecture, {{std::string(media_type::oci_layer), tar}});
  const std::filesystem::path layout = root.string() + ".layout";
  write_layout(layout, image.blobs(), image.manifest, "example.org/folder:1");
  return oci::import_images(store, layout,
                            {.platform = oci::Platform::parse("linux/" + architecture)})
      .at(0);
}

TestBlob make_index(const std::vector<std::pair<std::string, TestImage>>& images) {
  std::string json =
      R"({"schemaVersion":2,"mediaType":)" + in_quotes(media_type::oci_index) + R"(,"manifests":[)";
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto& [name, image] = images[i];
    const std::size_t slash = name.find('/');
    std::string platform =
        R"(,"platform":{"os":"linux","architecture":)" + in_quotes(name.substr(0, slash));
    if (slash != name.npos) platform += R"(,"variant":)" + in_quotes(name.substr(slash + 1));
    json += (i == 0 ? "" : ",") + image.manifest.descriptor(platform + '}');
  }
  return {std::string(media_type::oci_index), json + "]}"};
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string result;
  result.reserve(size + 8);
  while (result.size() < size) {
    const std::uint64_t word = random();
    result.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  result.resize(size);
  return result;
}

TestBlob noise_layer(std::size_t size, unsigned seed) {
  return {std::string(media_type::oci_layer), noise(size, seed)};
}

TestBlob tar_layer(const std::string& name, const std::string& content, const std::string& packer,
                   std::string& tar) {
  const os::TemporaryDirectory folder(std::filesystem::temp_directory_path(), "vmkit-layer");
  const std::string path = (folder.path() / "layer.tar").string();
  os::write_file_atomically(folder.path() / name, content);
  run_program({"tar", "--create", "--owner=0", "--group=0", "--file", path, "--directory",
               folder.path().string(), name});
  tar = os::read_file(path, ByteSize(1 << 30));
  const bool gzip = packer == "gzip";
  return {std::string(gzip ? media_type::oci_layer_gzip : media_type::oci_layer_zstd),
          run_program({packer, "-c", path})};
}

void write_layout(const std::filesystem::path& folder, const std::vector<TestBlob>& blobs,
                  const TestBlob& top, const std::string& tag) {
  os::create_directories(folder / "blobs/sha256");
  os::write_file_atomically(folder / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  for (const TestBlob& blob : blobs) {
    os::write_file_atomically(folder / "blobs/sha256" / blob.digest().hex(), blob.content);
  }
  os::write_file_atomically(folder / "blobs/sha256" / top.digest().hex(), top.content);
  os::write_file_atomically(
      folder / "index.json",
      R"({"schemaVersion":2,"manifests":[)" +
          top.descriptor(R"(,"annotations":{"org.opencontainers.image.ref.name":)" +
                         in_quotes(tag) + "}") +
          "]}");
}

}  // namespace vmkit::test
