// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "archive_fixture.hpp"
#include "support/compress.hpp"
#include "support/errors.hpp"

#include <vmkit/oci/media_type.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

std::string quoted_list(const std::vector<std::string>& texts) {
  std::string result = "[";
  for (const std::string& text : texts) result += (result.size() > 1 ? ",\"" : "\"") + text + '"';
  return result + "]";
}

struct DockerFixture : ArchiveFixture {
  /// Plain layers; the second and the third are the same.
  TestImage image = TestImage::make(
      "amd64", {noise_layer(200'000, 1), noise_layer(1000, 2), noise_layer(1000, 2)});
  std::vector<std::string> ids = {std::string(64, 'a'), std::string(64, 'b'), std::string(64, 'c')};

  std::string config_name() const { return image.config.digest().hex() + ".json"; }

  std::string item(const std::vector<std::string>& tags,
                   const std::vector<std::string>& layers) const {
    return R"({"Config":")" + config_name() + R"(","RepoTags":)" +
           (tags.empty() ? "null" : quoted_list(tags)) + R"(,"Layers":)" + quoted_list(layers) +
           "}";
  }

  std::vector<std::string> layer_names() const {
    std::vector<std::string> names;
    for (const std::string& id : ids) names.push_back(id + "/layer.tar");
    return names;
  }

  /// As Docker before version 25 wrote it: a folder for each layer, a layer that was there already
  /// as a symlink, the manifest behind them.
  std::string old_style(const std::vector<std::string>& tags) const {
    std::string tar;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      tar += tar_member({.name = ids[i] + "/", .type = '5'});
      tar += tar_member({.name = ids[i] + "/VERSION", .data = "1.0"});
      tar += tar_member({.name = ids[i] + "/json", .data = "{}"});
      if (i < 2) {
        tar += tar_member({.name = ids[i] + "/layer.tar", .data = image.layers[i].content});
      } else {
        tar += tar_member(
            {.name = ids[i] + "/layer.tar", .type = '2', .link = "../" + ids[1] + "/layer.tar"});
      }
    }
    tar += tar_member({.name = config_name(), .data = image.config.content});
    tar += tar_member({.name = "manifest.json", .data = "[" + item(tags, layer_names()) + "]\n"});
    return tar + tar_member({.name = "repositories", .data = "{}\n"}) + tar_end();
  }
};

}  // namespace

TEST_CASE_FIXTURE(DockerFixture, "docker-archive import: as old versions write it") {
  const auto images = import_text(old_style({"a:1", "example.org/b:2"}));
  REQUIRE(images.size() == 2);
  CHECK(images[0].reference.to_string() == "docker.io/library/a:1");
  CHECK(images[1].reference.to_string() == "example.org/b:2");
  CHECK(images[0].descriptor.digest == images[1].descriptor.digest);
  const Image& first = images[0];
  CHECK(first.manifest.media_type == media_type::oci_manifest);
  CHECK(first.manifest.config.digest == image.config.digest());
  REQUIRE(first.manifest.layers.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(first.manifest.layers[i].media_type == media_type::oci_layer);
    CHECK(first.manifest.layers[i].digest == image.layers[i].digest());
    CHECK(store.verify_blob(first.manifest.layers[i]));
  }
  CHECK(files_below("ingest") == 0);
  CHECK(files_below("blobs") == 4);  // VERSION, json and repositories are not among them

  // The same manifest from the same image in another archive.
  const std::string tar = tar_of({{"manifest.json", "[" + item({"c:3"}, {"1", "2", "2"}) + "]"},
                                  {config_name(), image.config.content},
                                  {"1", image.layers[0].content},
                                  {"2", image.layers[1].content}});
  CHECK(import_text(tar)[0].descriptor.digest == first.descriptor.digest);
}

TEST_CASE_FIXTURE(DockerFixture, "docker-archive import: as new versions write it, a layout too") {
  Files files = layout_files(image, "1");
  std::erase_if(files, [](const auto& file) { return file.first == "index.json"; });
  files.erase(files.begin() + 2);  // the doubled layer
  files.emplace_back("index.json",
                     index_json({image.manifest.descriptor(
                         R"(,"annotations":{"io.containerd.image.name":"docker.io/library/a:1",)"
                         R"("org.opencontainers.image.ref.name":"1"})")}));
  files.emplace_back("manifest.json",
                     R"([{"Config":")" + blob_path(image.config) +
                         R"(","RepoTags":["a:1"],"Layers":)" +
                         quoted_list({blob_path(image.layers[0]), blob_path(image.layers[1]),
                                      blob_path(image.layers[2])}) +
                         "}]");
  SUBCASE("with its layout it has its own manifest") {
    const auto images = import_text(tar_of(files));
    REQUIRE(images.size() == 1);
    CHECK(images[0].reference.to_string() == "docker.io/library/a:1");
    CHECK(images[0].descriptor.digest == image.manifest.digest());
  }
  SUBCASE("without the layout's marker it is a docker-archive") {
    std::erase_if(files, [](const auto& file) { return file.first == "oci-layout"; });
    const auto images = import_text(tar_of(files));
    REQUIRE(images.size() == 1);
    CHECK(images[0].manifest.config.digest == image.config.digest());
    CHECK(import_text(tar_of(files)).size() == 1);  // what is there already will do
  }
  CHECK(files_below("ingest") == 0);
}

TEST_CASE_FIXTURE(DockerFixture, "docker-archive import: compressed layers stay as they are") {
  const std::string first = gzip(image.layers[0].content);
  const std::string second = zstd(image.layers[1].content);
  const std::string tar = tar_of(
      {{"1.tar.gz", first},
       {"2.tar.zst", second},
       {config_name(), image.config.content},
       {"manifest.json", "[" + item({"a:1"}, {"1.tar.gz", "2.tar.zst", "2.tar.zst"}) + "]"}});
  const auto images = import_text(gzip(tar));
  REQUIRE(images.size() == 1);
  CHECK(images[0].manifest.layers[0].media_type == media_type::oci_layer_gzip);
  CHECK(images[0].manifest.layers[0].digest == digest_of(first));
  CHECK(images[0].manifest.layers[1].media_type == media_type::oci_layer_zstd);
  CHECK(images[0].manifest.layers[2].digest == digest_of(second));
}

TEST_CASE_FIXTURE(DockerFixture, "docker-archive import: names") {
  const std::string untagged = old_style({});
  check_error(Errc::invalid_argument, {"found none", "give the name"},
              [&] { import_text(untagged); });
  CHECK(is_untouched());
  ImportOptions options = amd64;
  options.reference = Reference::parse("example.org/mine:1");
  options.images = {image.config.digest().to_string()};
  CHECK(import_text(untagged, options)[0].reference == *options.reference);

  options = amd64;
  options.images = {"docker.io/library/b:latest"};
  const auto images = import_text(old_style({"a:1", "b:latest"}), options);
  REQUIRE(images.size() == 1);
  CHECK(images[0].reference.to_string() == "docker.io/library/b:latest");
  options.images = {"c:1"};
  check_error(Errc::not_found, {"\"c:1\"", "\"a:1\", \"b:latest\""}, [&] {
    import_text(old_style({"a:1", "b:latest"}), options);
  });
}

TEST_CASE_FIXTURE(DockerFixture, "docker-archive import: what is wrong") {
  const std::string manifest = "[" + item({"a:1"}, {"1", "2", "3"}) + "]";
  Files files = {{"manifest.json", manifest},
                 {config_name(), image.config.content},
                 {"1", image.layers[0].content},
                 {"2", image.layers[1].content}};
  std::string third = tar_member({.name = "3", .data = image.layers[2].content});
  const auto fails_as = [&](Errc code, std::initializer_list<std::string_view> words) {
    std::string tar = third + tar_of(files);
    check_error(code, words, [&] { import_text(tar); });
    CHECK(is_untouched());
  };
  const auto fails = [&](std::initializer_list<std::string_view> words) {
    fails_as(Errc::data_corruption, words);
  };
  SUBCASE("another layer than the configuration says") {
    third = tar_member({.name = "3", .data = "something else"});
    fails({"entry \"3\"", image.layers[2].digest().to_string(),
           digest_of("something else").to_string()});
  }
  SUBCASE("the same, compressed") {
    third = tar_member({.name = "3", .data = gzip("something else")});
    fails({"entry \"3\"", "diff ID", digest_of("something else").to_string()});
  }
  SUBCASE("a garbled compressed layer") {
    third = tar_member({.name = "3", .data = gzip(noise(5000, 9)).substr(0, 3000)});
    fails({"entry \"3\"", "gzip"});
  }
  SUBCASE("another configuration than its name says") {
    files[1].second += " ";
    fails({config_name(), digest_of(files[1].second).to_string()});
  }
  SUBCASE("no configuration") {
    files.erase(files.begin() + 1);
    fails({config_name(), "missing"});
  }
  SUBCASE("a layer too few in the configuration") {
    files[0].second = "[" + item({"a:1"}, {"1", "2"}) + "]";
    fails({config_name(), "expected 2", "found 3"});
  }
  SUBCASE("a missing layer") {
    third.clear();
    fails({"entry \"3\"", "missing"});
  }
  SUBCASE("a link to nothing") {
    third = tar_member({.name = "3", .type = '2', .link = "4"});
    fails({"entry \"3\"", "\"4\"", "missing"});
  }
  SUBCASE("links in a circle") {
    third = tar_member({.name = "3", .type = '2', .link = "4"}) +
            tar_member({.name = "4", .type = '1', .link = "3"});
    fails({"entry \"3\"", "circle"});
  }
  SUBCASE("links to something outside") {
    third = tar_member({.name = "x/3", .type = '2', .link = "../../etc/passwd"});
    fails({"entry \"x/3\"", "outside of the archive"});
    third = tar_member({.name = "3", .type = '2', .link = "/etc/passwd"});
    fails({"entry \"3\"", "absolute"});
    third = tar_member({.name = "3", .type = '1', .link = "../etc/passwd"});
    fails({"../etc/passwd", "\"..\""});
  }
  SUBCASE("a device") {
    third = tar_member({.name = "3", .type = '3'});
    fails({"entry \"3\"", "expected a regular file", "device"});
  }
  SUBCASE("a layer by a name that leads out") {
    files[0].second = "[" + item({"a:1"}, {"1", "2", "../../etc/passwd"}) + "]";
    fails({"../../etc/passwd", "\"..\""});
  }
  SUBCASE("no array") {
    files[0].second = item({"a:1"}, {"1"});
    fails({"manifest.json", "expected an array, found object"});
  }
  SUBCASE("no configuration named") {
    files[0].second = R"([{"Layers":[]}])";
    fails({"manifest.json", "[0].Config"});
  }
  SUBCASE("nested too deep") {
    files[0].second = std::string(100'000, '[');
    fails({"manifest.json", "nested deeper"});
  }
  SUBCASE("too long") {
    files[0].second = "[" + std::string(5 << 20, ' ') + "]";
    fails({"manifest.json", "4 MiB"});
  }
  SUBCASE("too many images") {
    files[0].second = "[";
    for (int i = 0; i < 1001; ++i) files[0].second += (i == 0 ? "{}" : ",{}");
    files[0].second += "]";
    fails({"manifest.json", "1000 images"});
  }
  SUBCASE("another platform") {
    image = TestImage::make("arm64", image.layers);
    files[1] = {config_name(), image.config.content};
    files[0].second = "[" + item({"a:1"}, {"1", "2", "3"}) + "]";
    fails_as(Errc::unsupported, {config_name(), "linux/amd64", "linux/arm64"});
  }
}
