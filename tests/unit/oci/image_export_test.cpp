// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "archive_fixture.hpp"
#include "support/compress.hpp"
#include "support/errors.hpp"

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/oci/media_type.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

struct ExportFixture : ArchiveFixture {
  std::string shared = noise(200'000, 1);
  std::string own = noise(3000, 2);
  TestImage one = make({shared});
  TestImage two = make({shared, own});
  Reference a = Reference::parse("example.org/a:1");
  Reference b = Reference::parse("example.org/b:2");

  static TestImage make(const std::vector<std::string>& tars) {
    std::vector<TestBlob> layers;
    std::vector<Digest> diff_ids;
    for (const std::string& tar : tars) {
      layers.push_back({std::string(media_type::oci_layer_gzip), gzip(tar)});
      diff_ids.push_back(digest_of(tar));
    }
    return TestImage::make("amd64", std::move(layers), std::move(diff_ids));
  }

  ExportFixture() {
    put(one, a);
    put(two, b);
  }

  void put(const TestImage& image, const Reference& reference) {
    Descriptor manifest{"", digest_of(""), {}};
    for (const TestBlob& blob : image.blobs()) {
      manifest = store.put_blob(blob.media_type, blob.content);
    }
    store.tag(reference, manifest);
  }

  /// "NAME SIZE" of each entry; all of them have the time 0 and no owner.
  static std::vector<std::string> entries(const std::string& tar) {
    MemorySource source(tar);
    archive::TarReader reader(source);
    std::vector<std::string> result;
    while (const auto* entry = reader.next()) {
      CHECK(entry->mtime.seconds == 0);
      CHECK(entry->uid + entry->gid == 0);
      result.push_back(entry->path + ' ' + std::to_string(entry->size));
    }
    return result;
  }

  bool folder_holds_only(std::initializer_list<std::string> names) const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      if (std::find(names.begin(), names.end(), entry.path().filename()) == names.end()) {
        return false;
      }
      ++count;
    }
    return count == names.size();
  }

  void damage(const TestBlob& blob) {
    std::string content = blob.content;
    content[content.size() / 2] ^= 1;
    os::write_file_atomically(store.blob_path(blob.digest()), content);
  }
};

}  // namespace

TEST_CASE_FIXTURE(ExportFixture, "export: a layout comes back as it was") {
  const std::string tar = export_text({a, b});
  CHECK(tar == export_text({a, b}));
  // Marker, index, 2 folders, 2 manifests, 2 configurations, 2 layers.
  CHECK(entries(tar).size() == 10);
  auto other = ImageStore::open(folder.path() / "other");
  MemorySource source(tar);
  const auto images = import_images(other, source, amd64);
  REQUIRE(images.size() == 2);
  CHECK(images[0].reference == a);
  CHECK(images[0].descriptor.digest == one.manifest.digest());
  CHECK(images[1].reference == b);
  CHECK(images[1].descriptor.digest == two.manifest.digest());
  MemorySink again;
  export_images(other, {a, b}, again);
  CHECK(again.content == tar);
}

TEST_CASE_FIXTURE(ExportFixture, "export: a docker-archive has each file once") {
  store.tag(Reference::parse("example.org/a:latest"), store.find(a)->manifest);
  const auto latest = Reference::parse("example.org/a");
  const std::string tar = export_text({a, latest, b}, ArchiveFormat::docker_archive);
  CHECK(tar == export_text({a, latest, b}, ArchiveFormat::docker_archive));
  const auto names = entries(tar);
  REQUIRE(names.size() == 5);
  CHECK(names[0].starts_with("manifest.json "));
  CHECK(tar.find(R"("RepoTags":["example.org/a:1","example.org/a:latest"])") != tar.npos);
  CHECK(std::count(names.begin(), names.end(), digest_of(shared).hex() + ".tar 200000") == 1);
  CHECK(std::count(names.begin(), names.end(), digest_of(own).hex() + ".tar 3000") == 1);

  auto other = ImageStore::open(folder.path() / "other");
  MemorySource source(tar);
  const auto images = import_images(other, source, amd64);
  REQUIRE(images.size() == 3);
  CHECK(images[2].manifest.config.digest == two.config.digest());
  CHECK(images[2].manifest.layers[1].digest == digest_of(own));
  // From there on nothing changes any more.
  MemorySink again;
  export_images(other, {a, latest, b}, again, {.format = ArchiveFormat::docker_archive});
  CHECK(again.content == tar);

  // A digest is no tag: the image has none then.
  const auto by_digest =
      Reference::parse("example.org/a@" + one.manifest.digest().to_string(), {.tag = ""});
  const std::string untagged = export_text({by_digest}, ArchiveFormat::docker_archive);
  CHECK(untagged.find(R"("RepoTags":[])") != untagged.npos);
}

TEST_CASE_FIXTURE(ExportFixture, "export: to a path it appears whole or not at all") {
  const auto path = folder.path() / "image";
  SUBCASE("a tar replaces a file") {
    os::write_file_atomically(path, "old");
    export_images(store, {b}, path);
    CHECK(os::read_file(path, 10_MiB) == export_text({b}));
    CHECK(folder_holds_only({"store", "image"}));
  }
  SUBCASE("a folder is a layout") {
    export_images(store, {a, b}, path / "", {.format = ArchiveFormat::oci_layout});
    auto other = ImageStore::open(folder.path() / "other");
    CHECK(import_images(other, path, amd64).size() == 2);
    CHECK(folder_holds_only({"store", "image", "other"}));
    CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::owner_all) ==
          std::filesystem::perms::owner_all);
    check_error(Errc::already_exists, {path.string()},
                [&] { export_images(store, {a}, path, {.format = ArchiveFormat::oci_layout}); });
    CHECK(folder_holds_only({"store", "image", "other"}));
  }
  SUBCASE("an empty folder may be there") {
    std::filesystem::create_directory(path);
    export_images(store, {a}, path, {.format = ArchiveFormat::oci_layout});
    CHECK(std::filesystem::exists(path / "index.json"));
  }
  SUBCASE("a damaged layer") {
    damage(two.layers[1]);
    for (const auto format :
         {ArchiveFormat::oci_layout, ArchiveFormat::oci_archive, ArchiveFormat::docker_archive}) {
      check_error(Errc::data_corruption, {},
                  [&] { export_images(store, {b}, path, {.format = format}); });
      CHECK(folder_holds_only({"store"}));
    }
  }
  SUBCASE("stopped") {
    StopSource stop;
    for (const auto format :
         {ArchiveFormat::oci_layout, ArchiveFormat::oci_archive, ArchiveFormat::docker_archive}) {
      check_error(Errc::cancelled, {"export"}, [&] {
        export_images(store, {b}, path, {.format = format},
                      {.stop = stop.token(), .progress = [&](const Progress& progress) {
                         CHECK(progress.phase == "export");
                         stop.request_stop();
                       }});
      });
      CHECK(folder_holds_only({"store"}));
    }
  }
}

TEST_CASE_FIXTURE(ExportFixture, "export: what it refuses") {
  MemorySink sink;
  check_error(Errc::not_found, {"example.org/c:3", "not in the store"}, [&] {
    export_images(store, {a, Reference::parse("example.org/c:3")}, sink);
  });
  check_error(Errc::invalid_argument, {"expected an image"},
              [&] { export_images(store, {}, sink); });
  check_error(Errc::invalid_argument, {"stream", "oci_archive"},
              [&] { export_images(store, {a}, sink, {.format = ArchiveFormat::oci_layout}); });
  CHECK(sink.content.empty());
  // A layer whose content is not what the configuration says.
  const TestImage liar = TestImage::make(
      "amd64", {{std::string(media_type::oci_layer_gzip), gzip("a")}}, {digest_of("b")});
  const auto reference = Reference::parse("example.org/liar:1");
  put(liar, reference);
  check_error(Errc::data_corruption, {"expected the diff ID", digest_of("a").to_string()}, [&] {
    export_images(store, {reference}, sink, {.format = ArchiveFormat::docker_archive});
  });
}
