// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <doctest/doctest.h>
#include <functional>
#include <sys/wait.h>
#include <unistd.h>

#include "archive_fixture.hpp"
#include "support/compress.hpp"
#include "support/errors.hpp"

#include <vmkit/oci/maintenance.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

/// A source in whose ninth read something else happens.
class Pausing final : public Source {
 public:
  Pausing(const std::string& text, int& reads, std::function<void()> in_the_middle)
      : text_(text, 50'000), reads_(reads), in_the_middle_(std::move(in_the_middle)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    if (++reads_ == 9) in_the_middle_();
    return text_.read(buffer);
  }

 private:
  MemorySource text_;
  int& reads_;
  std::function<void()> in_the_middle_;
};

}  // namespace

TEST_CASE_FIXTURE(ArchiveFixture, "layout import: a tar, whatever the order and the packing") {
  const TestImage image = TestImage::make("amd64", {noise_layer(300'000, 1), noise_layer(10, 2)});
  Files files = layout_files(image, "example.org/a:1");
  std::string archive;
  SUBCASE("index last") {
    archive = tar_of(files);
  }
  SUBCASE("index first") {
    std::reverse(files.begin(), files.end());
    archive = tar_of(files);
  }
  SUBCASE("as tar -C writes it, with folders") {
    archive = tar_member({.name = "./", .type = '5'}) +
              tar_member({.name = "./blobs/", .type = '5'}) +
              tar_member({.name = "./blobs/", .type = '5'});
    for (const auto& [name, content] : files) {
      archive += tar_member({.name = "./" + name, .data = content});
    }
    archive += tar_end();
  }
  SUBCASE("gzip") {
    archive = gzip(tar_of(files));
  }
  SUBCASE("zstd") {
    archive = zstd(tar_of(files));
  }
  SUBCASE("without the end of the archive") {
    archive = tar_of(files);
    archive.resize(archive.size() - 1024);
  }
  const auto images = import_text(archive);
  REQUIRE(images.size() == 1);
  CHECK(images[0].reference.to_string() == "example.org/a:1");
  CHECK(images[0].descriptor.digest == image.manifest.digest());
  CHECK(store.find(images[0].reference)->source == image.manifest.digest());
  for (const auto& layer : layers(images[0])) CHECK(store.verify_blob(layer.descriptor));
  CHECK(files_below("ingest") == 0);
  CHECK(files_below("blobs") == 4);

  // A second time nothing changes.
  CHECK(import_text(archive)[0].descriptor.digest == image.manifest.digest());
  CHECK(files_below("ingest") == 0);
  CHECK(store.list().size() == 1);
}

TEST_CASE_FIXTURE(ArchiveFixture, "layout import: of an index only what the platform needs") {
  const TestImage amd = TestImage::make("amd64", {noise_layer(1000, 1)});
  const TestImage arm = TestImage::make("arm64", {noise_layer(1000, 2)});
  const TestBlob index = make_index({{"amd64", amd}, {"arm64", arm}});
  Files files = {{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"},
                 {"index.json", index_json({index_entry(index, "example.org/multi:1")})},
                 {blob_path(index), index.content}};
  for (const TestImage& image : {amd, arm}) {
    for (const TestBlob& blob : image.blobs()) files.emplace_back(blob_path(blob), blob.content);
  }
  SUBCASE("index first") {}
  SUBCASE("index last") {
    std::reverse(files.begin(), files.end());
  }
  const auto images = import_text(tar_of(files), {.platform = Platform::parse("linux/arm64")});
  REQUIRE(images.size() == 1);
  CHECK(images[0].descriptor.digest == arm.manifest.digest());
  CHECK(store.find(images[0].reference)->source == index.digest());
  CHECK(files_below("blobs") == 3);
  CHECK(files_below("ingest") == 0);
  check_error(Errc::unsupported, {"linux/riscv64", "linux/amd64, linux/arm64"},
              [&] { import_text(tar_of(files), {.platform = Platform::parse("linux/riscv64")}); });
}

TEST_CASE_FIXTURE(ArchiveFixture, "layout import: variants that stand in index.json itself") {
  const TestImage amd = TestImage::make("amd64", {noise_layer(1000, 1)});
  const TestImage arm = TestImage::make("arm64", {noise_layer(1000, 2)});
  std::string name;
  SUBCASE("under one name") {
    name = "example.org/multi:1";
  }
  SUBCASE("without a name") {}
  Files files = {
      {"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"},
      {"index.json",
       index_json(
           {index_entry(amd.manifest, name, R"(,"platform":{"os":"linux","architecture":"amd64"})"),
            index_entry(arm.manifest, name,
                        R"(,"platform":{"os":"linux","architecture":"arm64"})")})}};
  for (const TestImage& image : {amd, arm}) {
    for (const TestBlob& blob : image.blobs()) files.emplace_back(blob_path(blob), blob.content);
  }
  ImportOptions options{.platform = Platform::parse("linux/arm64")};
  options.reference = Reference::parse("example.org/mine:1");
  const auto images = import_text(tar_of(files), options);
  REQUIRE(images.size() == 1);
  CHECK(images[0].descriptor.digest == arm.manifest.digest());
  CHECK(images[0].reference == *options.reference);
  CHECK(files_below("blobs") == 3);
}

TEST_CASE_FIXTURE(ArchiveFixture, "layout import: several images, chosen and named") {
  const TestImage one = TestImage::make("amd64", {noise_layer(1000, 1), noise_layer(1000, 3)});
  const TestImage two = TestImage::make("amd64", {noise_layer(1000, 2), noise_layer(1000, 3)});
  Files files = layout_files(one, "");
  for (const TestBlob& blob : two.blobs()) {
    if (blob.digest() != one.layers[1].digest()) files.emplace_back(blob_path(blob), blob.content);
  }
  std::string second = "docker.io/library/two:2";
  const auto archive = [&] {
    Files all = files;
    for (auto& [name, content] : all) {
      if (name == "index.json") {
        content = index_json({index_entry(one.manifest, "1.0"), index_entry(two.manifest, second)});
      }
    }
    return tar_of(all);
  };
  const auto with = [&](std::vector<std::string> images) {
    ImportOptions options = amd64;
    options.images = std::move(images);
    return options;
  };

  SUBCASE("by a shorter spelling of the name: the other is not stored") {
    const auto images = import_text(archive(), with({"two:2"}));
    REQUIRE(images.size() == 1);
    CHECK(images[0].reference.to_string() == second);
    CHECK(files_below("blobs") == 4);
  }
  SUBCASE("by digest, under a name of our own") {
    ImportOptions options = with({one.manifest.digest().to_string()});
    options.reference = Reference::parse("example.org/one:1");
    const auto images = import_text(archive(), options);
    REQUIRE(images.size() == 1);
    CHECK(images[0].descriptor.digest == one.manifest.digest());
  }
  SUBCASE("by a rule") {
    ImportOptions options = amd64;
    std::vector<std::string> asked;
    options.name_rule = [&](const ArchivedImage& image) -> std::optional<Reference> {
      asked.push_back(image.name + " " + image.platform.to_string());
      if (auto reference = reference_of(image.name)) return reference;
      return Reference::parse("example.org/base").with_tag(image.name);
    };
    CHECK(import_text(archive(), options).size() == 2);
    CHECK(asked == std::vector<std::string>{"1.0 linux/amd64", second + " linux/amd64"});
    CHECK(store.resolve(Reference::parse("example.org/base:1.0"), amd64.platform));
  }
  SUBCASE("a rule may leave one out: it is not stored") {
    ImportOptions options = amd64;
    options.name_rule = [](const ArchivedImage& image) { return reference_of(image.name); };
    CHECK(import_text(archive(), options).size() == 1);
    CHECK(files_below("blobs") == 4);
    CHECK(files_below("ingest") == 0);
  }
  SUBCASE("what a rule throws comes back as it is") {
    ImportOptions options = amd64;
    options.name_rule = [](const ArchivedImage&) -> std::optional<Reference> { throw 42; };
    CHECK_THROWS_AS(import_text(archive(), options), int);
    CHECK(is_untouched());
  }
  SUBCASE("only a tag is no name") {
    check_error(Errc::invalid_argument,
                {one.manifest.digest().to_string(), "expected a name", "\"1.0\"", "give the name"},
                [&] { import_text(archive()); });
    CHECK(is_untouched());
  }
  SUBCASE("not there") {
    check_error(Errc::not_found, {"\"three\"", "\"1.0\"", second}, [&] {
      import_text(archive(), with({"two:2", "three"}));
    });
    CHECK(is_untouched());
  }
  SUBCASE("one name for two images") {
    ImportOptions options = amd64;
    options.reference = Reference::parse("example.org/one:1");
    check_error(Errc::invalid_argument, {"expected one image", "example.org/one:1", "choose"},
                [&] { import_text(archive(), options); });
    options = amd64;
    options.name_rule = [](const ArchivedImage&) { return Reference::parse("a:1"); };
    check_error(Errc::invalid_argument, {"two images would be called docker.io/library/a:1"},
                [&] { import_text(archive(), options); });
    CHECK(is_untouched());
  }
}

TEST_CASE_FIXTURE(ArchiveFixture, "layout import: a folder") {
  const TestImage image = TestImage::make("amd64", {noise_layer(600'000, 1), noise_layer(10, 2)});
  const auto layout = folder.path() / "layout";
  write_layout(layout, image.blobs(), image.manifest, "example.org/a:1");
  std::map<std::string, std::uint64_t> done;
  const auto images = import_images(store, layout, amd64, {.progress = [&](const Progress& now) {
                                      CHECK(now.phase == "import");
                                      done[std::string(now.subject)] = now.done;
                                    }});
  REQUIRE(images.size() == 1);
  CHECK(images[0].descriptor.digest == image.manifest.digest());
  for (const auto& layer : layers(images[0])) CHECK(store.verify_blob(layer.descriptor));
  CHECK(done.size() == 4);
  CHECK(done[image.layers[0].digest().to_string()] == 600'000);
  CHECK(files_below("ingest") == 0);
  // Another store is a layout as well.
  auto other = ImageStore::open(folder.path() / "other");
  CHECK(import_images(other, root, amd64)[0].descriptor.digest == image.manifest.digest());
}

TEST_CASE_FIXTURE(ArchiveFixture, "layout import: progress, stop and limit") {
  const TestImage image = TestImage::make("amd64", {noise_layer(1'000'000, 1)});
  const std::string archive = tar_of(layout_files(image, "example.org/a:1"));
  const auto path = folder.path() / "a.tar";
  os::write_file_atomically(path, archive);

  SUBCASE("progress tells the archive's bytes") {
    std::vector<std::uint64_t> done;
    import_images(store, path, amd64, {.progress = [&](const Progress& progress) {
                    CHECK(progress.subject == path.string());
                    CHECK(progress.total == archive.size());
                    done.push_back(progress.done);
                  }});
    REQUIRE_FALSE(done.empty());
    CHECK(done.back() == archive.size());
  }
  SUBCASE("what the callback throws comes back as it is") {
    const Error own(Errc::internal, "mine");
    try {
      import_images(store, path, amd64, {.progress = [&](const Progress&) { throw own; }});
      FAIL("nothing was thrown");
    } catch (const Error& error) {
      CHECK(error.what() == std::string("mine"));
    }
    CHECK(is_untouched());
  }
  SUBCASE("stopped in the middle") {
    StopSource stop;
    class Stopping final : public Source {
     public:
      Stopping(const std::string& text, StopSource& stopped)
          : text_(text, 50'000), stop_(stopped) {}
      std::size_t read(std::span<std::byte> buffer) override {
        if (++reads_ == 10) stop_.request_stop();
        CHECK(reads_ <= 10);
        return text_.read(buffer);
      }

     private:
      MemorySource text_;
      StopSource& stop_;
      int reads_ = 0;
    } source(archive, stop);
    check_error(Errc::cancelled, {"import"},
                [&] { import_images(store, source, amd64, {.stop = stop.token()}); });
    CHECK(is_untouched());
  }
  SUBCASE("limit") {
    ImportOptions options = amd64;
    options.size_limit = ByteSize(500'000);
    check_error(Errc::resource_exhausted, {"limit"}, [&] { import_text(gzip(archive), options); });
    CHECK(is_untouched());
  }
}

TEST_CASE_FIXTURE(ArchiveFixture, "layout import: what a killed import left is removed at open") {
  const TestImage image = TestImage::make("amd64", {noise_layer(500'000, 1)});
  const std::string archive = tar_of(layout_files(image, "example.org/a:1"));
  int reads = 0;
  SUBCASE("killed") {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      Pausing source(archive, reads, [] { ::kill(::getpid(), SIGKILL); });
      import_images(store, source, amd64);
      ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(files_below("ingest") == 2);
    CHECK(store.list().empty());
    ImageStore::open(root);
    CHECK(is_untouched());
  }
  SUBCASE("an import that goes on is left alone") {
    Pausing source(archive, reads, [&] {
      ImageStore::open(root);
      CHECK(files_below("ingest") == 2);
    });
    CHECK(import_images(store, source, amd64).size() == 1);
    CHECK(reads > 9);
    CHECK(files_below("ingest") == 0);
  }
}

TEST_CASE_FIXTURE(ArchiveFixture, "layout import: garbage collection takes nothing that it needs") {
  const TestImage image = TestImage::make("amd64", {noise_layer(500'000, 1), noise_layer(10, 2)});
  Files files = layout_files(image, "example.org/a:1");
  // Layer by layer, the documents last: nobody but the import knows what is needed.
  const std::string archive = tar_of(files);
  const auto reference = Reference::parse("example.org/a:1");
  import_text(archive);
  REQUIRE(store.remove(reference));
  int reads = 0;
  std::size_t kept = 0;
  Pausing source(archive, reads, [&] {
    collect_garbage(store);
    kept = files_below("blobs");
  });
  SUBCASE("in the middle") {}
  SUBCASE("near the end") {
    reads = 9 - static_cast<int>(archive.size() / 50'000);
  }
  CHECK(import_images(store, source, amd64).size() == 1);
  CHECK(reads > 9);
  CHECK(kept > 0);  // those that had come by then
  CHECK(verify(store).clean());
  CHECK(store.resolve(reference, amd64.platform));
}
