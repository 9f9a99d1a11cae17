// SPDX-License-Identifier: Apache-2.0
// A changed disk becomes an image; other tools read it, and unpacked it is the disk again.
#include <doctest/doctest.h>
#include <filesystem>

#include "os/directory.hpp"
#include "support/errors.hpp"
#include "support/image_tree.hpp"
#include "support/memory_source.hpp"
#include "support/programs.hpp"
#include "support/tar_text.hpp"
#include "support/test_image.hpp"

#include <vmkit/container/commit.hpp>
#include <vmkit/container/image_layers.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/oci/add_layer.hpp>
#include <vmkit/oci/maintenance.hpp>
#include <vmkit/rootfs/unpack.hpp>

using namespace vmkit;
using namespace vmkit::test;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  std::string tars[2];
  std::vector<TestBlob> layers{tar_layer("hello", noise(300'000, 1), "gzip", tars[0]),
                               tar_layer("again", noise(90'000, 2), "gzip", tars[1])};
  TestImage made = TestImage::make("amd64", layers, {digest_of(tars[0]), digest_of(tars[1])});
  os::TemporaryDirectory folder{fs::temp_directory_path(), "vmkit-commit"};
  oci::ImageStore store = oci::ImageStore::open(folder.path() / "store");
  oci::Reference name = oci::Reference::parse("r.io/team/app:2");
  fs::path disk = folder.path() / "disk.ext4";

  oci::Image put(const TestImage& image) {
    for (const TestBlob& blob : image.blobs()) store.put_blob(blob.media_type, blob.content);
    return store.tag(oci::Reference::parse("r.io/team/app:1"),
                     {image.manifest.media_type, image.manifest.digest(),
                      ByteSize(image.manifest.content.size())});
  }

  static std::vector<std::string> tree_of(const fs::path& path) {
    auto file = disk::ImageFile::open(path, disk::ImageFile::Access::read_only);
    auto reader = ext4::Reader::open(file);
    return describe_image(reader);
  }

  /// The disk of the image, and upon it what `members` do.
  void make_disk(const oci::Image& image, const std::vector<TarMember>& members) {
    auto all = container::image_layers(image, store);
    std::string tar;
    for (const TarMember& member : members) tar += tar_member(member);
    tar += tar_end();
    all.push_back(
        {.diff_id = digest_of(tar), .open = [tar] { return std::make_unique<MemorySource>(tar); }});
    rootfs::unpack(all, disk, {.size = 64_MiB});
  }

  std::size_t files_in(const std::string& part) const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(store.root() / part)) {
      count += entry.path().filename() != "locks" ? 1U : 0U;
    }
    return count;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "commit: the new image is the disk; other tools read it") {
  for (const auto compression :
       {oci::LayerCompression::gzip, oci::LayerCompression::zstd, oci::LayerCompression::none}) {
    for (const bool docker : {false, true}) {
      CAPTURE(static_cast<int>(compression));
      CAPTURE(docker);
      fs::remove(disk);
      const oci::Image base = put(docker ? made.as_docker() : made);
      make_disk(base, {{.name = ".wh.again"},
                       {.name = "hello", .data = "changed", .mode = 0600},
                       {.name = "new/", .type = '5', .mode = 0750},
                       {.name = "new/file", .data = std::string(100'000, 'n')}});
      const auto committed = container::commit(
          store, base, disk, name,
          {.compression = compression,
           .created = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000)),
           .created_by = "a test",
           .author = "n\xc3\xa4me"});
      CHECK(committed.changes.removed == 1);
      CHECK(committed.changes.written == 4);
      CHECK(committed.image.reference == name);
      CHECK(committed.image.manifest.layers.size() == 3);
      CHECK(committed.image.manifest.layers[0] == base.manifest.layers[0]);
      CHECK(committed.image.manifest.media_type == base.manifest.media_type);
      CHECK(committed.image.config.diff_ids.size() == 3);
      CHECK(committed.image.config.cmd == base.config.cmd);
      CHECK(committed.image.config.created == "2023-11-14T22:13:20Z");
      CHECK(committed.image.config.author == "n\xc3\xa4me");
      const fs::path again = folder.path() / "again.ext4";
      rootfs::unpack(container::image_layers(committed.image, store), again, {.size = 64_MiB});
      CHECK(tree_of(again) == tree_of(disk));
      fs::remove(again);
      CHECK(oci::verify(store).clean());
      CHECK(files_in("ingest") == 0);
      // The same changes, the same image.
      const auto repeated = container::commit(
          store, base, disk, name,
          {.compression = compression,
           .created = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000)),
           .created_by = "a test",
           .author = "n\xc3\xa4me"});
      CHECK(repeated.image.descriptor == committed.image.descriptor);
      // umoci knows no zstd.
      if (docker || compression == oci::LayerCompression::zstd) continue;
      if (!has_programs({"skopeo", "umoci"})) continue;
      const std::string in_store = (folder.path() / "store").string() + ":" + name.to_string();
      const fs::path bundle = folder.path() / "bundle";
      run_program({"umoci", "unpack", "--rootless", "--image", in_store, bundle.string()});
      CHECK(fs::file_size(bundle / "rootfs/new/file") == 100'000);
      CHECK(fs::file_size(bundle / "rootfs/hello") == 7);
      CHECK(!fs::exists(bundle / "rootfs/again"));
      fs::remove_all(bundle);
      const std::string copy = (folder.path() / "copy").string();
      run_program(
          {"skopeo", "copy", "--quiet", "--override-arch=amd64", "oci:" + in_store, "dir:" + copy});
      fs::remove_all(copy);
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "commit: without a change there is no new layer") {
  const oci::Image base = put(made);
  make_disk(base, {});
  const auto committed = container::commit(store, base, disk, name, {.comment = "nothing"});
  CHECK(committed.changes.written + committed.changes.removed == 0);
  CHECK(committed.image.manifest.layers == base.manifest.layers);
  CHECK(committed.image.config.history.size() ==
        base.config.history.size() + (base.config.history.empty() ? 0 : 1));
  CHECK(committed.image.config.created.empty());
}

TEST_CASE_FIXTURE(Fixture, "commit: what fails leaves neither a name nor a file") {
  const oci::Image base = put(made);
  const auto fails = [&](Errc code, std::initializer_list<std::string_view> words,
                         const oci::NewLayer& layer, const CallOptions& options = {}) {
    check_error(code, words, [&] { oci::add_layer(store, base, name, layer, options); });
    CHECK(!store.find(name));
    CHECK(files_in("ingest") == 0);
  };
  const std::string content = noise(2'000'000, 5);
  const auto half = [&](Sink& tar) -> bool {
    tar.write(std::as_bytes(std::span(content)));
    throw Error(Errc::io, "the disk's sectors are gone");
  };
  fails(Errc::io, {"sectors"}, {.write = half});
  const auto whole = [&](Sink& tar) {
    tar.write(std::as_bytes(std::span(content)));
    return true;
  };
  fails(Errc::invalid_argument, {"UTF-8"}, {.write = whole, .author = "\xff"});
  StopSource stop;
  const auto stopping = [&](Sink& tar) {
    stop.request_stop();
    return whole(tar);
  };
  fails(Errc::cancelled, {"commit r.io/team/app:2"}, {.write = stopping}, {.stop = stop.token()});
  CHECK(oci::verify(store).clean());
  fs::remove(store.blob_path(layers[0].digest()));
  fails(Errc::not_found, {layers[0].digest().to_string()}, {.write = whole});
  check_error(Errc::not_found, {"disk.ext4"}, [&] { container::commit(store, base, disk, name); });
}
