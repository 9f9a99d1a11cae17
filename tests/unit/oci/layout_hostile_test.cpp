// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "archive_fixture.hpp"
#include "support/errors.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

struct HostileLayout : ArchiveFixture {
  TestImage image = TestImage::make("amd64", {noise_layer(100'000, 1)});
  Files files = layout_files(image, "example.org/a:1");  // layer, config, manifest, index, marker
  std::string more;                                      // members before all others

  std::string& index() { return files[3].second; }

  void fails(Errc code, std::initializer_list<std::string_view> words) {
    const std::string tar = more + tar_of(files);
    check_error(code, words, [&] { import_text(tar); });
    CHECK(is_untouched());
  }
  void fails(std::initializer_list<std::string_view> words) { fails(Errc::data_corruption, words); }
};

struct HostileFolder : ArchiveFixture {
  TestImage image = TestImage::make("amd64", {noise_layer(100'000, 1)});
  std::filesystem::path layout = folder.path() / "layout";
  std::filesystem::path layer = layout / blob_path(image.layers[0]);

  HostileFolder() { write_layout(layout, image.blobs(), image.manifest, "example.org/a:1"); }

  void fails(Errc code, std::initializer_list<std::string_view> words) {
    check_error(code, words, [&] { import_images(store, layout, amd64); });
    CHECK(store.list().empty());
    CHECK(files_below("ingest") == 0);
  }
};

}  // namespace

TEST_CASE_FIXTURE(HostileLayout, "hostile layout tar: names and links") {
  SUBCASE("an absolute name") {
    more = tar_member({.name = "/etc/passwd", .data = "x"});
    fails({"entry \"/etc/passwd\"", "expected a relative name"});
  }
  SUBCASE("a name with ..") {
    more = tar_member({.name = "blobs/../../x", .data = "x"});
    fails({"entry \"blobs/../../x\"", "\"..\""});
  }
  SUBCASE("a folder's name with ..") {
    more = tar_member({.name = "../", .type = '5'});
    fails({"entry \"../\"", "\"..\""});
  }
  SUBCASE("a very long name, shortened in the message, and nothing for a terminal") {
    more = pax_header({{"path", "\x1b[2J" + std::string(100'000, 'x')}}) +
           tar_member({.name = "x", .data = "x"});
    fails({"entry \"?[2Jxxx", "x…\"", "too long"});
  }
  SUBCASE("a file twice") {
    more = tar_member({.name = "./oci-layout", .data = files[4].second});
    fails({"entry \"oci-layout\"", "twice"});
  }
  SUBCASE("a symlink for a blob, though it leads to the very blob") {
    more = tar_member({.name = "here", .data = files[0].second}) +
           tar_member({.name = files[0].first, .type = '2', .link = "../../here"});
    files.erase(files.begin());
    fails({files.front().first.substr(0, 12), "expected a regular file, found a symbolic link"});
  }
  SUBCASE("a hard link for a manifest") {
    more = tar_member({.name = "here", .data = files[2].second}) +
           tar_member({.name = files[2].first, .type = '1', .link = "here"});
    files.erase(files.begin() + 2);
    fails({"expected a regular file, found a hard link"});
  }
  SUBCASE("a device for a blob") {
    more = tar_member({.name = files[0].first, .type = '4'});
    files.erase(files.begin());
    fails({"expected a regular file, found a device"});
  }
}

TEST_CASE_FIXTURE(HostileLayout, "hostile layout tar: content that lies") {
  SUBCASE("a blob with another content, the index last") {
    files[0].second[0] ^= 1;
    fails({files[0].first, "its content has the digest"});
  }
  SUBCASE("the same, the index first") {
    std::reverse(files.begin(), files.end());
    files.back().second[0] ^= 1;
    fails({files.back().first, "its content has the digest"});
  }
  SUBCASE("a shorter blob than the manifest says") {
    image.layers[0].content.pop_back();
    const std::string manifest = files[2].second;
    files[0] = {blob_path(image.layers[0]), image.layers[0].content};
    fails({"sha256", "is missing"});
  }
  SUBCASE("a wrong size in the index") {
    const std::string size = std::to_string(image.manifest.content.size());
    index().replace(index().find("\"size\":" + size), 7 + size.size(), "\"size\":1");
    fails({files[2].first, "expected 1 bytes, found " + size});
  }
  SUBCASE("a manifest of 5 GiB") {
    const std::string size = std::to_string(image.manifest.content.size());
    index().replace(index().find("\"size\":" + size), 7 + size.size(), "\"size\":5368709120");
    fails({image.manifest.digest().to_string(), "expected at most 4 MiB", "5 GiB"});
  }
  SUBCASE("a missing layer") {
    files.erase(files.begin());
    fails({blob_path(image.layers[0]), "is missing"});
  }
  SUBCASE("a missing configuration") {
    files.erase(files.begin() + 1);
    fails({blob_path(image.config), "is missing"});
  }
  SUBCASE("no index") {
    files.erase(files.begin() + 3);
    fails(Errc::unsupported, {"expected an image layout or a docker-archive", "neither"});
  }
  SUBCASE("no marker") {
    files.pop_back();
    fails(Errc::unsupported, {"expected an image layout or a docker-archive", "neither"});
  }
  SUBCASE("another version") {
    files[4].second = R"({"imageLayoutVersion":"2.0.0"})";
    fails(Errc::unsupported, {"oci-layout", "expected image layout version 1.x, found 2.0.0"});
  }
  SUBCASE("an index that is not JSON") {
    index() = "hello";
    fails({"index.json", "not valid JSON"});
  }
  SUBCASE("an index that grows without end") {
    index() = R"({"schemaVersion":2,"manifests":[)" + std::string(5 << 20, ' ') + "]}";
    fails({"index.json", "expected at most 4 MiB"});
  }
  SUBCASE("an index of a hundred thousand values") {
    index() = R"({"schemaVersion":2,"manifests":[0)";
    for (int i = 0; i < 100'000; ++i) index() += ",0";
    index() += "]}";
    fails({"index.json", "more than 100000 values"});
  }
  SUBCASE("an artifact") {
    const std::string artifact = image.manifest.descriptor();
    index() = R"({"schemaVersion":2,"manifests":[{"mediaType":"application/x",)" +
              artifact.substr(artifact.find("\"digest\"")) + "]}";
    fails(Errc::unsupported, {"expected an image, found application/x"});
  }
  SUBCASE("one digest in two roles") {
    const std::string config = image.config.digest().to_string();
    TestBlob twisted = image.manifest;
    const std::string layer = image.layers[0].descriptor();
    twisted.content.replace(twisted.content.find(layer), layer.size(), image.config.descriptor());
    files[2] = {blob_path(twisted), twisted.content};
    index() = index_json({index_entry(twisted, "a:1")});
    fails({config, "listed as"});
  }
}

TEST_CASE_FIXTURE(HostileLayout, "hostile layout tar: sizes and ends") {
  SUBCASE("a size that never ends") {
    more = tar_header({.name = "x", .size = 077777777777});
    files.clear();
    fails({"entry \"x\"", "Truncated"});
  }
  SUBCASE("an exabyte by a pax record") {
    more = pax_header({{"size", "1152921504606846976"}}) + tar_header({.name = "x"});
    fails({"entry \"x\""});
  }
  SUBCASE("a sparse file") {
    more = pax_header({{"GNU.sparse.major", "1"},
                       {"GNU.sparse.minor", "0"},
                       {"GNU.sparse.name", "sparse"},
                       {"GNU.sparse.realsize", "1099511627776"}}) +
           tar_member({.name = "x", .data = padded("1\n1099511627775\n1\n") + "x"});
    fails({"entry \"sparse\"", "found a sparse file"});
  }
  SUBCASE("cut in a blob") {
    std::string tar = tar_of(files);
    tar.resize(50'000);
    check_error(Errc::data_corruption, {files[0].first, "Truncated"}, [&] { import_text(tar); });
    CHECK(is_untouched());
  }
  SUBCASE("cut between entries") {
    std::string tar = tar_of(files);
    tar.resize(512 + padded(files[0].second).size());
    check_error(Errc::unsupported, {"neither"}, [&] { import_text(tar); });
    CHECK(is_untouched());
  }
  SUBCASE("fifty thousand and one entries") {
    for (int i = 0; i <= 50'000; ++i) more += tar_header({.name = std::to_string(i), .type = '6'});
    fails(Errc::resource_exhausted, {"at most 50000 entries"});
  }
  SUBCASE("no tar at all") {
    check_error(Errc::data_corruption, {"image archive"}, [&] { import_text(noise(3000, 1)); });
    check_error(Errc::unsupported, {"neither"}, [&] { import_text(""); });
    check_error(Errc::data_corruption, {"gzip"}, [&] { import_text("\x1f\x8b" + noise(300, 1)); });
    check_error(Errc::not_found, {"nothing.tar"},
                [&] { import_images(store, folder.path() / "nothing.tar", amd64); });
    CHECK(is_untouched());
  }
}

TEST_CASE_FIXTURE(HostileFolder, "hostile layout folder: nothing is followed out of it") {
  const auto outside = folder.path() / "outside";
  SUBCASE("a symlink for a blob") {
    std::filesystem::rename(layer, outside);
    std::filesystem::create_symlink(outside, layer);
    fails(Errc::data_corruption, {layer.string(), "found a symbolic link"});
  }
  SUBCASE("a symlink for a folder") {
    std::filesystem::rename(layout / "blobs", outside);
    std::filesystem::create_symlink(outside, layout / "blobs");
    fails(Errc::data_corruption, {"blobs: expected a folder, found a symbolic link"});
  }
  SUBCASE("a symlink for the index") {
    std::filesystem::rename(layout / "index.json", outside);
    std::filesystem::create_symlink(outside, layout / "index.json");
    fails(Errc::data_corruption, {"index.json: expected a regular file, found a symbolic link"});
  }
  SUBCASE("a fifo, which would block") {
    std::filesystem::remove(layer);
    REQUIRE(::mkfifo(layer.c_str(), 0600) == 0);
    fails(Errc::data_corruption, {layer.string(), "found a fifo"});
  }
  SUBCASE("a folder for a blob") {
    std::filesystem::remove(layer);
    std::filesystem::create_directory(layer);
    fails(Errc::data_corruption, {layer.string(), "found a folder"});
  }
  SUBCASE("a blob with another content") {
    os::write_file_atomically(layer, noise(100'000, 7));
    fails(Errc::data_corruption, {layer.string(), "its content has the digest"});
  }
  SUBCASE("a blob of another size") {
    os::write_file_atomically(layer, "x");
    fails(Errc::data_corruption, {layer.string(), "expected 100000 bytes, found 1"});
  }
  SUBCASE("a missing blob") {
    std::filesystem::remove(layer);
    fails(Errc::data_corruption, {layer.string(), "is missing"});
  }
  SUBCASE("a manifest with another content") {
    const auto path = layout / blob_path(image.manifest);
    std::string text = image.manifest.content;
    text.back() = ' ';
    os::write_file_atomically(path, text);
    fails(Errc::data_corruption, {path.string(), "its content has the digest"});
  }
  SUBCASE("no layout") {
    std::filesystem::remove(layout / "oci-layout");
    fails(Errc::unsupported, {"expected an image layout", "without oci-layout"});
  }
}
