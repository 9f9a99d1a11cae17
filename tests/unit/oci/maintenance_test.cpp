// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "store_fixture.hpp"

#include <vmkit/oci/maintenance.hpp>
#include <vmkit/oci/media_type.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

struct MaintenanceFixture : StoreFixture {
  /// Shares its layer with `image`.
  TestImage other = TestImage::make("amd64", {image.layers[0], noise_layer(5'000, 2)});

  void put(const TestBlob& blob) { store.put_blob(blob.media_type, blob.content); }
  using StoreFixture::put;

  void damage(const TestBlob& blob) {
    std::string content = blob.content;
    content[content.size() / 2] ^= 1;
    os::write_file_atomically(store.blob_path(blob.digest()), content);
  }

  std::set<std::string> removed(const GarbageReport& report) {
    std::set<std::string> result;
    for (const auto& blob : report.blobs) result.insert(blob.digest.hex());
    return result;
  }

  static std::set<std::string> hexes(const std::vector<TestBlob>& blobs) {
    std::set<std::string> result;
    for (const TestBlob& blob : blobs) result.insert(blob.digest().hex());
    return result;
  }

  /// A manifest with a subject, and its one layer.
  static std::vector<TestBlob> referrer(const TestBlob& subject, unsigned seed) {
    const TestBlob layer{"application/spdx+json", "{\"sbom\":" + std::to_string(seed) + "}"};
    const TestBlob config{"application/vnd.oci.empty.v1+json", "{}"};
    return {layer,
            config,
            {std::string(media_type::oci_manifest),
             R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
             R"("artifactType":"a/b","config":)" +
                 config.descriptor() + R"(,"layers":[)" + layer.descriptor() + R"(],"subject":)" +
                 subject.descriptor() + "}"}};
  }
};

}  // namespace

TEST_CASE_FIXTURE(MaintenanceFixture, "garbage: what no name needs goes, what is shared stays") {
  tag("r.io/app:1");
  tag("r.io/app:2", other);
  CHECK(collect_garbage(store).blobs.empty());
  store.remove(Reference::parse("r.io/app:2"));

  const auto expected = hexes({other.layers[1], other.config, other.manifest});
  const GarbageReport dry = collect_garbage(store, {.dry_run = true});
  CHECK(removed(dry) == expected);
  CHECK(has(other.layers[1]));
  std::uint64_t reported = 0;
  const GarbageReport report =
      collect_garbage(store, {}, {.progress = [&](const Progress& progress) {
                        CHECK(progress.phase == "collect_garbage");
                        reported = progress.done;
                      }});
  CHECK(removed(report) == expected);
  CHECK(report.freed == dry.freed);
  CHECK(report.freed.bytes() == other.layers[1].content.size() + other.config.content.size() +
                                    other.manifest.content.size());
  CHECK(reported == report.freed.bytes());
  CHECK_FALSE(has(other.layers[1]));
  CHECK(verify(store).clean());
  CHECK(store.resolve("r.io/app:1", {"linux", "amd64"}));
}

TEST_CASE_FIXTURE(MaintenanceFixture, "garbage: everything that an entry leads to is needed") {
  const TestImage arm = TestImage::make("arm64", {noise_layer(10, 3)});
  const TestBlob inner = make_index({{"amd64", image}, {"arm64", arm}});
  TestImage nested = image;
  nested.manifest = inner;
  const TestBlob outer = make_index({{"amd64", nested}});
  // A referrer of a referrer, neither in index.json; an artifact of a kind that nobody knows.
  const auto sbom = referrer(arm.manifest, 1);
  const auto signature = referrer(sbom.back(), 2);
  const TestBlob thing{"a/b", "thing"};
  const TestBlob unknown{"application/x.unknown+json",
                         R"({"deep":{"er":[{"x":)" + thing.descriptor() + "}]}}"};
  // The subject of an entry is needed as well.
  const TestImage about = TestImage::make("amd64", {noise_layer(20, 4)});
  const auto listed = referrer(about.manifest, 3);

  for (const TestImage& one : {image, arm, about}) put(one);
  for (const auto& blobs : {sbom, signature, listed}) {
    for (const TestBlob& blob : blobs) put(blob);
  }
  for (const TestBlob& blob : {inner, outer, thing, unknown}) put(blob);
  put(other);  // garbage, with an own referrer, which is garbage too
  const auto lost = referrer(other.manifest, 5);
  for (const TestBlob& blob : lost) put(blob);

  write_index(named(outer, "latest") + "," + named(unknown, "x") + "," +
              listed.back().descriptor());
  const auto report = collect_garbage(store);
  CHECK(removed(report) ==
        hexes({other.layers[1], other.config, other.manifest, lost[0], lost.back()}));
  CHECK(verify(store).clean());
}

TEST_CASE_FIXTURE(MaintenanceFixture, "garbage: what is young may be spared") {
  put(image);
  const auto old = std::filesystem::file_time_type::clock::now() - 2h;
  std::filesystem::last_write_time(store.blob_path(image.config.digest()), old);
  os::write_file_atomically(partial(other.config), "begun");
  CHECK(removed(collect_garbage(store, {.minimum_age = 1h})) == hexes({image.config}));
  CHECK(std::filesystem::exists(partial(other.config)));
  std::filesystem::last_write_time(partial(other.config), old);
  const GarbageReport report = collect_garbage(store, {.minimum_age = 1h, .partial_age = 1h});
  CHECK(report.partials == std::vector{"sha256-" + other.config.digest().hex()});
  CHECK(report.freed == ByteSize(5));
  CHECK(file_count(root / "ingest") == 0);
}

TEST_CASE_FIXTURE(MaintenanceFixture,
                  "garbage: nothing goes while it is not known what is needed") {
  tag("r.io/app:1");
  put(other);
  damage(image.manifest);
  check_error(Errc::data_corruption, {image.manifest.digest().hex().c_str(), "repair"},
              [&] { collect_garbage(store); });
  check_error(Errc::data_corruption, {"repair"}, [&] { usage(store); });
  CHECK(has(other.manifest));
  // A manifest that is whole but none: nothing could be read from it, by anybody.
  write_index(TestBlob{image.manifest.media_type, image.config.content}.descriptor());
  CHECK_NOTHROW(collect_garbage(store));
  CHECK(has(image.config));
  CHECK_FALSE(has(other.manifest));

  StopSource source;
  source.request_stop();
  put(other);
  check_error(Errc::cancelled, {}, [&] { collect_garbage(store, {}, {.stop = source.token()}); });
  CHECK(has(other.manifest));
}

TEST_CASE_FIXTURE(MaintenanceFixture, "usage: exclusive is what removing the name frees") {
  tag("r.io/app:1");
  tag("r.io/app:2", other);
  tag("r.io/app:3", other);
  put(TestBlob{"a/b", "garbage"});
  os::write_file_atomically(partial(other.config), "begun");
  const auto size_of = [](const std::vector<TestBlob>& blobs) {
    std::uint64_t sum = 0;
    for (const TestBlob& blob : blobs) sum += blob.content.size();
    return ByteSize(sum);
  };
  const StoreUsage before = usage(store);
  REQUIRE(before.images.size() == 3);
  CHECK(before.images[0].image.name == "r.io/app:1");
  CHECK(before.images[0].exclusive == size_of({image.config, image.manifest}));
  CHECK(before.images[0].shared == size_of(image.layers));
  CHECK(before.images[1].exclusive == ByteSize(0));  // app:3 is the same image
  CHECK(before.images[1].shared == size_of(other.blobs()));
  CHECK(before.unreferenced == ByteSize(7));
  CHECK(before.partials == ByteSize(5));
  CHECK(before.blobs == size_of(image.blobs()) +
                            size_of({other.layers[1], other.config, other.manifest}) + ByteSize(7));

  store.remove(Reference::parse("r.io/app:3"));
  const StoreUsage after = usage(store);
  CHECK(after.images[1].exclusive == size_of({other.layers[1], other.config, other.manifest}));
  store.remove(Reference::parse("r.io/app:2"));
  CHECK(collect_garbage(store).freed == after.images[1].exclusive + ByteSize(7));
}

TEST_CASE_FIXTURE(MaintenanceFixture, "verify: tells each bad blob and whom it affects") {
  tag("r.io/app:1");
  tag("r.io/app:2", other);
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  VerifyReport report = verify(store, {.progress = [&](const Progress& progress) {
                                 CHECK(progress.phase == "verify");
                                 done = progress.done;
                                 total = progress.total;
                               }});
  CHECK(report.clean());
  CHECK(report.blobs == 6);
  CHECK(report.bytes.bytes() == total);
  CHECK(done == total);
  CHECK(file_count(root / "leases") == 0);

  damage(image.layers[0]);
  std::filesystem::remove(store.blob_path(other.layers[1].digest()));
  const TestBlob stray{"a/b", "stray"};
  put(stray);
  damage(stray);
  report = verify(store);
  REQUIRE(report.bad.size() == 3);
  const auto bad = [&](const TestBlob& blob) {
    const auto found = std::find_if(report.bad.begin(), report.bad.end(),
                                    [&](const auto& one) { return one.digest == blob.digest(); });
    REQUIRE(found != report.bad.end());
    return *found;
  };
  CHECK(bad(image.layers[0]).problem == BadBlob::Problem::damaged);
  REQUIRE(bad(image.layers[0]).images.size() == 2);
  CHECK(bad(image.layers[0]).images[1].name == "r.io/app:2");
  CHECK(bad(other.layers[1]).problem == BadBlob::Problem::missing);
  REQUIRE(bad(other.layers[1]).images.size() == 1);
  CHECK(bad(other.layers[1]).images[0].name == "r.io/app:2");
  CHECK(bad(stray).images.empty());

  StopSource source;
  source.request_stop();
  check_error(Errc::cancelled, {}, [&] { verify(store, {.stop = source.token()}); });
}

TEST_CASE_FIXTURE(MaintenanceFixture,
                  "verify: of an index manifests may be missing, of those nothing") {
  const TestImage arm = TestImage::make("arm64", {noise_layer(10, 3)});
  const TestBlob index = make_index({{"amd64", image}, {"arm64", arm}});
  put(image);
  put(index);
  write_index(named(index, "r.io/app:1"));
  CHECK(verify(store).clean());
  put(arm.manifest);
  const VerifyReport report = verify(store);
  REQUIRE(report.bad.size() == 2);
  CHECK(report.bad[0].problem == BadBlob::Problem::missing);

  std::string lie = named(image.manifest, "r.io/app:2");
  lie.replace(lie.find("\"size\":"), 7, "\"size\":1");
  write_index(lie);
  const VerifyReport contested = verify(store);
  REQUIRE(contested.bad.size() == 1);
  CHECK(contested.bad[0].problem == BadBlob::Problem::contested);
  CHECK(contested.bad[0].images[0].name == "r.io/app:2");
}

TEST_CASE_FIXTURE(MaintenanceFixture, "repair: what is damaged goes, and the names if so wished") {
  tag("r.io/app:1");
  tag("r.io/app:2", other);
  damage(other.layers[1]);
  damage(other.config);
  os::write_file_atomically(partial(other.config), "begun");
  const RepairReport report = repair(store);
  CHECK(report.found.bad.size() == 2);
  CHECK(report.removed_blobs.size() == 2);
  CHECK(report.removed_images.empty());
  CHECK(store.list().size() == 2);
  CHECK(file_count(root / "ingest") == 1);  // what was begun is not thrown away
  CHECK(verify(store).bad.at(0).problem == BadBlob::Problem::missing);
  for (const TestBlob& blob : {other.layers[1], other.config}) CHECK_FALSE(has(blob));

  const RepairReport again = repair(store, {.remove_incomplete = true});
  CHECK(again.removed_blobs.empty());
  REQUIRE(again.removed_images.size() == 1);
  CHECK(again.removed_images[0].name == "r.io/app:2");
  CHECK(store.list().size() == 1);
  CHECK(verify(store).clean());
  CHECK(repair(store).found.clean());
}

TEST_CASE_FIXTURE(MaintenanceFixture, "repair: an index.json that cannot be read is made anew") {
  const TestImage arm = TestImage::make("arm64", {noise_layer(10, 3)});
  put(image);
  put(arm);
  put(other);
  const TestBlob index = make_index({{"amd64", image}, {"arm64", arm}});
  put(index);
  for (const std::string& content : {std::string("{"), std::string()}) {
    CAPTURE(content);
    os::write_file_atomically(root / "index.json", content);
    check_error(Errc::data_corruption, {"index.json"}, [&] { repair(store); });
    const RepairReport report = repair(store, {.rebuild_index = true});
    REQUIRE_FALSE(report.damaged_index.empty());
    CHECK(os::read_file(report.damaged_index, 1_KiB) == content);
    CHECK(report.found.clean());
    // The index and the image that it does not list.
    const auto records = store.list();
    REQUIRE(records.size() == 2);
    CHECK(collect_garbage(store).blobs.empty());
    CHECK(store.find(other.manifest.digest().to_string()));
    store.tag(Reference::parse("r.io/app:2"),
              store.find(other.manifest.digest().to_string())->manifest);
    CHECK(store.resolve("r.io/app:2", {"linux", "amd64"}));
  }
  // One that can be read is left alone.
  const std::string before = read_index();
  CHECK(repair(store, {.rebuild_index = true}).damaged_index.empty());
  CHECK(read_index() == before);
}
