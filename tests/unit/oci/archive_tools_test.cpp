// SPDX-License-Identifier: Apache-2.0
// Archives in both directions with skopeo and umoci, and tars with GNU tar.
#include <cerrno>
#include <doctest/doctest.h>
#include <thread>
#include <unistd.h>

#include "archive_fixture.hpp"
#include "support/compress.hpp"
#include "support/programs.hpp"

#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

/// An image with two layers that are real tars, in a layout and in the store.
struct ToolsFixture : ArchiveFixture {
  std::string first_tar, second_tar;
  TestImage image = make();
  Reference name = Reference::parse("example.org/image:1");
  std::filesystem::path layout = folder.path() / "layout";

  TestImage make() {
    std::vector<TestBlob> layers = {tar_layer("one", noise(100'000, 1), "gzip", first_tar),
                                    tar_layer("two", "two", "gzip", second_tar)};
    return TestImage::make("amd64", std::move(layers),
                           {digest_of(first_tar), digest_of(second_tar)});
  }

  void fill_layout() { write_layout(layout, image.blobs(), image.manifest, name.to_string()); }

  void fill_store() {
    fill_layout();
    import_images(store, layout, amd64);
  }

  std::string path(const std::string& file) const { return (folder.path() / file).string(); }

  void skopeo_copy(const std::string& from, const std::string& to) {
    run_program(
        {"skopeo", "--insecure-policy", "--override-arch", "amd64", "copy", "--quiet", from, to});
  }

  std::string inspect(const std::string& what) {
    return run_program({"skopeo", "--override-arch", "amd64", "inspect", what});
  }

  void unpacks_with_umoci(const std::string& layout_folder) {
    const std::string bundle = path("bundle");
    run_program({"umoci", "unpack", "--rootless", "--image", layout_folder + ":" + name.to_string(),
                 bundle});
    CHECK(os::read_file(bundle + "/rootfs/one", 1_MiB) == noise(100'000, 1));
    CHECK(os::read_file(bundle + "/rootfs/two", 1_MiB) == "two");
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

/// Reads a descriptor, as a host's pipe would be read.
class DescriptorSource final : public Source {
 public:
  explicit DescriptorSource(int fd) : fd_(fd) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const auto count = ::read(fd_, buffer.data(), buffer.size());
    REQUIRE(count >= 0);
    return static_cast<std::size_t>(count);
  }

 private:
  int fd_;
};

}  // namespace

TEST_CASE_FIXTURE(ToolsFixture, "tools: import what skopeo writes") {
  if (!has_programs({"skopeo"})) return;
  fill_layout();
  const std::string from = "oci:" + layout.string() + ":" + name.to_string();
  SUBCASE("oci") {
    skopeo_copy(from, "oci:" + path("copy") + ":" + name.to_string());
    const auto images = import_images(store, path("copy"), amd64);
    REQUIRE(images.size() == 1);
    CHECK(images[0].descriptor.digest == image.manifest.digest());
  }
  SUBCASE("oci-archive") {
    skopeo_copy(from, "oci-archive:" + path("a.tar") + ":" + name.to_string());
    const auto images = import_images(store, path("a.tar"), amd64);
    REQUIRE(images.size() == 1);
    CHECK(images[0].reference == name);
    CHECK(images[0].descriptor.digest == image.manifest.digest());
  }
  SUBCASE("docker-archive, with its symlinks") {
    skopeo_copy(from, "docker-archive:" + path("d.tar") + ":" + name.to_string());
    const auto images = import_images(store, path("d.tar"), amd64);
    REQUIRE(images.size() == 1);
    CHECK(images[0].reference == name);
    CHECK(images[0].manifest.layers[0].digest == digest_of(first_tar));
    CHECK(images[0].manifest.layers[1].digest == digest_of(second_tar));
    if (has_programs({"umoci"})) unpacks_with_umoci(root.string());
  }
  CHECK(files_below("ingest") == 0);
}

TEST_CASE_FIXTURE(ToolsFixture, "tools: skopeo and umoci read what we export") {
  if (!has_programs({"skopeo", "umoci"})) return;
  fill_store();
  SUBCASE("oci") {
    export_images(store, {name}, path("out"), {.format = ArchiveFormat::oci_layout});
    const std::string found = inspect("oci:" + path("out") + ":" + name.to_string());
    CHECK(contains(found, image.manifest.digest().to_string()));
    unpacks_with_umoci(path("out"));
  }
  SUBCASE("oci-archive") {
    export_images(store, {name}, path("out.tar"));
    const std::string found = inspect("oci-archive:" + path("out.tar") + ":" + name.to_string());
    CHECK(contains(found, image.manifest.digest().to_string()));
    skopeo_copy("oci-archive:" + path("out.tar") + ":" + name.to_string(),
                "oci:" + path("copy") + ":" + name.to_string());
    unpacks_with_umoci(path("copy"));
  }
  SUBCASE("docker-archive") {
    export_images(store, {name}, path("out.tar"), {.format = ArchiveFormat::docker_archive});
    const std::string found = inspect("docker-archive:" + path("out.tar") + ":" + name.to_string());
    CHECK(contains(found, digest_of(first_tar).to_string()));
    CHECK(contains(found, digest_of(second_tar).to_string()));
    skopeo_copy("docker-archive:" + path("out.tar") + ":" + name.to_string(),
                "oci:" + path("copy") + ":" + name.to_string());
    unpacks_with_umoci(path("copy"));
  }
}

TEST_CASE_FIXTURE(ToolsFixture, "tools: several images of one docker-archive") {
  if (!has_programs({"skopeo"})) return;
  fill_store();
  TestImage second = TestImage::make("amd64", {image.layers[0]}, {digest_of(first_tar)});
  const auto second_name = Reference::parse("example.org/second:2");
  for (const TestBlob& blob : second.blobs()) store.put_blob(blob.media_type, blob.content);
  store.tag(second_name, {second.manifest.media_type, second.manifest.digest(),
                          ByteSize(second.manifest.content.size())});
  export_images(store, {name, second_name}, path("both.tar"),
                {.format = ArchiveFormat::docker_archive});
  for (const Reference& one : {name, second_name}) {
    CHECK(contains(inspect("docker-archive:" + path("both.tar") + ":" + one.to_string()),
                   digest_of(first_tar).to_string()));
  }
}

TEST_CASE_FIXTURE(ToolsFixture, "tools: GNU tar makes and reads archives") {
  if (!has_programs({"tar", "gzip", "zstd"})) return;
  fill_layout();
  std::vector<std::string> command = {"tar",           "--create", "--directory",
                                      layout.string(), "--file",   path("a.tar")};
  SUBCASE("plain") {}
  SUBCASE("gzip") {
    command.emplace_back("--gzip");
  }
  SUBCASE("zstd") {
    command.emplace_back("--zstd");
  }
  SUBCASE("pax") {
    command.emplace_back("--format=pax");
  }
  command.emplace_back(".");
  run_program(command);
  CHECK(import_images(store, path("a.tar"), amd64)[0].descriptor.digest == image.manifest.digest());
  export_images(store, {name}, path("b.tar"));
  CHECK(contains(run_program({"tar", "--list", "--file", path("b.tar")}),
                 blob_path(image.layers[0])));
}

TEST_CASE_FIXTURE(ToolsFixture, "tools: from one pipe into another, with bounded memory") {
  fill_store();
  int pipe_fds[2];
  REQUIRE(::pipe(pipe_fds) == 0);
  class PipeSink final : public Sink {
   public:
    explicit PipeSink(int fd) : fd_(fd) {}
    void write(std::span<const std::byte> data) override {
      while (!data.empty()) {
        const auto count = ::write(fd_, data.data(), data.size());
        if (count < 0) throw Error::from_errno(errno, "write to the pipe");
        data = data.subspan(static_cast<std::size_t>(count));
      }
    }

   private:
    int fd_;
  } sink(pipe_fds[1]);
  std::thread writer([&] {
    try {
      export_images(store, {name}, sink, {.format = ArchiveFormat::docker_archive});
    } catch (const Error&) {
      // The reader sees the end too early.
    }
    ::close(pipe_fds[1]);
  });
  auto other = ImageStore::open(folder.path() / "other");
  DescriptorSource source(pipe_fds[0]);
  std::vector<Image> images;
  CHECK_NOTHROW(images = import_images(other, source, amd64));
  writer.join();
  ::close(pipe_fds[0]);
  REQUIRE(images.size() == 1);
  CHECK(images[0].manifest.config.digest == image.config.digest());
}
