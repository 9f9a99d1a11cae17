// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <doctest/doctest.h>
#include <thread>
#include <unistd.h>

#include "oci/store/ingest.hpp"
#include "store_fixture.hpp"

#include <vmkit/oci/image_store.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

std::string read_all(Source& source) {
  std::string result;
  std::array<std::byte, 1000> buffer;
  while (const std::size_t count = source.read(buffer)) {
    result.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return result;
}

}  // namespace

TEST_CASE_FIXTURE(StoreFixture, "store: a new one is an empty image layout") {
  CHECK(os::read_file(root / "oci-layout", 1_KiB) == R"({"imageLayoutVersion":"1.0.0"})");
  CHECK(store.list().empty());
  CHECK(ImageStore::open(root).list().empty());
  CHECK_FALSE(store.resolve(Reference::parse("a")));
  CHECK_FALSE(store.remove(Reference::parse("a")));
}

TEST_CASE_FIXTURE(StoreFixture, "store: only an empty folder becomes one") {
  const auto other = folder.path() / "other";
  os::create_directories(other);
  os::write_file_atomically(other / "letter.txt", "dear");
  check_error(Errc::failed_precondition, {"other", "letter.txt"}, [&] { ImageStore::open(other); });
  CHECK(file_count(other) == 1);

  os::write_file_atomically(root / "oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  check_error(Errc::unsupported, {"2.0.0"}, [&] { ImageStore::open(root); });
  os::write_file_atomically(root / "oci-layout", "{}");
  check_error(Errc::data_corruption, {"imageLayoutVersion"}, [&] { ImageStore::open(root); });
}

TEST_CASE_FIXTURE(StoreFixture, "store: tag, find, resolve, tag again, remove") {
  const Image tagged = tag("r.io/app:1");
  CHECK(tagged.config.cmd == std::vector<std::string>{"/bin/sh"});
  const auto found = store.resolve(Reference::parse("r.io/app:1"));
  REQUIRE(found);
  CHECK(found->descriptor == tagged.descriptor);
  CHECK(found->platform == Platform{"linux", "amd64"});
  CHECK(store.find(Reference::parse("r.io/app").with_digest(image.manifest.digest())));
  CHECK_FALSE(store.find(Reference::parse("r.io/other").with_digest(image.manifest.digest())));
  CHECK_FALSE(store.find(Reference::parse("r.io/app:2")));

  image = TestImage::make("arm64", {noise_layer(10, 2)});
  tag("r.io/app:1");
  tag("r.io/app:2");
  CHECK(store.list().size() == 2);
  CHECK(store.resolve(Reference::parse("r.io/app:1"))->platform.architecture == "arm64");
  CHECK(store.remove(Reference::parse("r.io/app:1")));
  CHECK(store.list().size() == 1);
  CHECK(store.list()[0].name == "r.io/app:2");
}

TEST_CASE_FIXTURE(StoreFixture, "store: names lead to complete images only") {
  for (const TestBlob& blob : {image.manifest, image.config}) {
    store.put_blob(blob.media_type, blob.content);
  }
  check_error(Errc::not_found, {"r.io/app:1", image.layers[0].digest().hex().c_str()},
              [&] { store.tag(Reference::parse("r.io/app:1"), descriptor(image.manifest)); });
  CHECK(store.list().empty());

  tag("r.io/app:1");
  std::filesystem::remove(store.blob_path(image.layers[0].digest()));
  check_error(Errc::not_found, {"pull the image again"},
              [&] { store.resolve(Reference::parse("r.io/app:1")); });
}

TEST_CASE_FIXTURE(StoreFixture, "store: what is unknown in index.json stays") {
  put(image);
  const std::string other = image.manifest.descriptor(
      R"(,"annotations":{"org.opencontainers.image.ref.name":"latest","x":"y"},"z":[1])");
  os::write_file_atomically(root / "index.json",
                            R"({"schemaVersion":2,"q":true,"manifests":[)" + other + "]}");
  CHECK(store.list().at(0).name == "latest");
  tag("r.io/app:1");
  const std::string written = os::read_file(root / "index.json", 1_MiB);
  CHECK(written.find(R"("q":true)") != written.npos);
  CHECK(written.find(R"("z":[1])") != written.npos);
  CHECK(written.find(R"("org.opencontainers.image.ref.name":"r.io/app:1")") != written.npos);
  CHECK(written.find(R"("io.containerd.image.name":"r.io/app:1")") != written.npos);
  CHECK(store.list().size() == 2);

  // The name that the specification's annotation cannot hold.
  tag("[::1]:5000/app:1");
  CHECK(os::read_file(root / "index.json", 1_MiB).find("ref.name\":\"[") == std::string::npos);
  CHECK(store.find(Reference::parse("[::1]:5000/app:1")));
}

TEST_CASE_FIXTURE(StoreFixture, "store: an index that another tool stored leads on by platform") {
  const TestImage arm = TestImage::make("arm64", {noise_layer(10, 2)});
  put(image);
  put(arm);
  const TestBlob index = make_index({{"amd64", image}, {"arm64", arm}});
  store.put_blob(index.media_type, index.content);
  os::write_file_atomically(
      root / "index.json",
      R"({"schemaVersion":2,"manifests":[)" +
          index.descriptor(R"(,"annotations":{"org.opencontainers.image.ref.name":"r.io/app:1"})") +
          "]}");
  const auto reference = Reference::parse("r.io/app:1");
  CHECK(store.resolve(reference, {"linux", "arm64"})->descriptor.digest == arm.manifest.digest());
  CHECK(store.resolve(reference, {"linux", "amd64"})->descriptor.digest == image.manifest.digest());
  CHECK_FALSE(store.resolve(reference, {"linux", "s390x"}));
}

TEST_CASE_FIXTURE(StoreFixture, "store: hostile index.json") {
  for (const char* content : {"", "[]", "{", R"({"schemaVersion":1,"manifests":[]})",
                              R"({"schemaVersion":2,"manifests":{}})"}) {
    CAPTURE(content);
    os::write_file_atomically(root / "index.json", content);
    check_error(Errc::data_corruption, {"index.json"}, [&] { store.list(); });
  }
}

TEST_CASE_FIXTURE(StoreFixture,
                  "store: a corrupt blob is found when it is read and when verified") {
  const Image tagged = tag("r.io/app:1");
  const Descriptor& layer = tagged.manifest.layers[0];
  CHECK(read_all(*store.open_blob(layer)) == image.layers[0].content);
  CHECK(store.verify_blob(layer));

  std::string bad = image.layers[0].content;
  bad[50'000] ^= 1;
  os::write_file_atomically(store.blob_path(layer.digest), bad);
  check_error(Errc::data_corruption, {layer.digest.hex().c_str(), "verify_existing"},
              [&] { read_all(*store.open_blob(layer)); });
  CHECK_FALSE(store.verify_blob(layer));

  os::write_file_atomically(store.blob_path(layer.digest), bad.substr(0, 99'999));
  CHECK_FALSE(store.has_blob(layer));
  check_error(Errc::data_corruption, {"99999"}, [&] { read_all(*store.open_blob(layer)); });
  std::filesystem::remove(store.blob_path(layer.digest));
  check_error(Errc::not_found, {layer.digest.hex().c_str()}, [&] { store.open_blob(layer); });
  CHECK_FALSE(store.verify_blob(layer));

  std::string config = image.config.content;
  config[20] ^= 1;
  os::write_file_atomically(store.blob_path(image.config.digest()), config);
  check_error(Errc::data_corruption, {image.config.digest().hex().c_str()},
              [&] { store.read_blob(descriptor(image.config)); });
}

TEST_CASE_FIXTURE(StoreFixture,
                  "store: leftovers of killed processes go, young partial blobs stay") {
  os::write_file_atomically(partial(image.layers[0]), "young");
  os::write_file_atomically(partial(image.config), "old");
  std::filesystem::last_write_time(partial(image.config),
                                   std::filesystem::file_time_type::clock::now() - 25h);
  os::write_file_atomically(root / "x", "");
  std::filesystem::rename(root / "x", root / ".index.json.tmp-abc");
  ImageStore::open(root);
  CHECK(std::filesystem::exists(partial(image.layers[0])));
  CHECK_FALSE(std::filesystem::exists(partial(image.config)));
  CHECK_FALSE(std::filesystem::exists(root / ".index.json.tmp-abc"));
}

TEST_CASE_FIXTURE(StoreFixture,
                  "ingest: goes on where a killed process was, and only one at a time") {
  const TestBlob& layer = image.layers[0];
  const auto bytes = std::as_bytes(std::span(layer.content));
  const pid_t pid = fork_work([&] {
    const auto ingest = Ingest::begin(store, descriptor(layer), Ingest::Existing::keep, {});
    ingest->write(bytes.first(40'000));
    for (;;) ::pause();
  });
  while (!std::filesystem::exists(partial(layer)) ||
         std::filesystem::file_size(partial(layer)) < 40'000) {
    std::this_thread::sleep_for(1ms);
  }
  check_error(Errc::timeout, {layer.digest().hex().c_str()}, [&] {
    Ingest::begin(store, descriptor(layer), Ingest::Existing::keep,
                  CallOptions{}.with_timeout(50ms));
  });
  ::kill(pid, SIGKILL);
  wait_for(pid);
  CHECK_FALSE(store.has_blob(descriptor(layer)));

  const auto ingest = Ingest::begin(store, descriptor(layer), Ingest::Existing::keep, {});
  REQUIRE(ingest);
  CHECK(ingest->received() == 40'000);
  ingest->write(bytes.subspan(40'000));
  ingest->commit();
  CHECK(store.verify_blob(descriptor(layer)));
  CHECK(file_count(root / "ingest") == 0);
  CHECK_FALSE(Ingest::begin(store, descriptor(layer), Ingest::Existing::keep, {}));
}

TEST_CASE_FIXTURE(StoreFixture, "ingest: wrong bytes never get a name") {
  const TestBlob& layer = image.layers[0];
  const auto begin = [&] {
    return Ingest::begin(store, descriptor(layer), Ingest::Existing::keep, {});
  };
  std::string bad = layer.content;
  bad[1] ^= 1;
  SUBCASE("other content") {
    const auto ingest = begin();
    ingest->write(std::as_bytes(std::span(bad)));
    check_error(Errc::data_corruption, {"has the digest"}, [&] { ingest->commit(); });
  }
  SUBCASE("too long") {
    const auto ingest = begin();
    ingest->write(std::as_bytes(std::span(bad)));
    check_error(Errc::data_corruption, {"100000", "more"},
                [&] { ingest->write(std::as_bytes(std::span(bad)).first(1)); });
  }
  SUBCASE("too short") {
    const auto ingest = begin();
    ingest->write(std::as_bytes(std::span(bad)).first(10));
    check_error(Errc::data_corruption, {"expected 100000 bytes, found 10"},
                [&] { ingest->commit(); });
  }
  SUBCASE("longer than the blob already") {
    os::write_file_atomically(partial(layer), bad + "x");
    CHECK(begin()->received() == 0);
  }
  CHECK(file_count(root / "ingest") == 0);
  CHECK(file_count(root / "blobs/sha256") == 0);
}

TEST_CASE_FIXTURE(StoreFixture,
                  "store: many processes and threads tag at once, and nothing is lost") {
  put(image);
  const auto tag_ten = [&](int who) {
    ImageStore own = ImageStore::open(root);
    for (int i = 0; i < 10; ++i) {
      own.tag(Reference::parse("r.io/app" + std::to_string(who) + ":" + std::to_string(i)),
              descriptor(image.manifest));
    }
  };
  std::vector<pid_t> children;
  for (int who = 0; who < 3; ++who) children.push_back(fork_work([&] { tag_ten(who); }));
  std::vector<std::thread> threads;
  for (int who = 3; who < 6; ++who) threads.emplace_back([&, who] { tag_ten(who); });
  for (std::thread& thread : threads) thread.join();
  for (const pid_t child : children) CHECK(wait_for(child) == 0);
  CHECK(store.list().size() == 60);
}

TEST_CASE_FIXTURE(StoreFixture, "store: killed at any moment it opens, with complete images only") {
  const TestImage other = TestImage::make("amd64", {noise_layer(50'000, 9), noise_layer(10, 8)});
  for (int round = 0; round < 30; ++round) {
    const pid_t pid = fork_work([&] {
      ImageStore own = ImageStore::open(root);
      for (;;) {
        own.remove(Reference::parse("r.io/app:1"));
        for (const TestBlob& blob : other.blobs()) {
          std::filesystem::remove(own.blob_path(blob.digest()));
        }
        for (const TestBlob& blob : other.blobs()) own.put_blob(blob.media_type, blob.content);
        own.tag(Reference::parse("r.io/app:1"), descriptor(other.manifest));
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(2000 + 1711 * round % 15000));
    ::kill(pid, SIGKILL);
    wait_for(pid);
    ImageStore after = ImageStore::open(root);
    // The one name, if it is there, leads to an image that is all there.
    if (const auto found = after.find(Reference::parse("r.io/app:1"))) {
      const Image loaded = after.load(Reference::parse("r.io/app:1"), found->manifest);
      for (const Descriptor& layer : loaded.manifest.layers) CHECK(after.verify_blob(layer));
    }
    for (const auto& entry : std::filesystem::directory_iterator(root / "blobs/sha256")) {
      CHECK(digest_of(os::read_file(entry.path(), 1_MiB)).hex() == entry.path().filename());
    }
  }
}
