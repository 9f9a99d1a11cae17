// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <map>
#include <stdexcept>
#include <thread>

#include "fault_fixture.hpp"

#include <vmkit/oci/media_type.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(FaultFixture, "pull: everything once, and then one request") {
  RegistryClient client(fast());
  const Image first = oci::pull(client, store, reference(), amd64);
  check_complete();
  CHECK(first.platform == Platform{"linux", "amd64"});
  CHECK(registry.requests().size() == 4);  // manifest, configuration, two layers

  registry.forget_requests();
  const Image second = oci::pull(client, store, reference(), amd64);
  CHECK(second.descriptor == first.descriptor);
  REQUIRE(registry.requests().size() == 1);
  CHECK(registry.requests()[0].method == "HEAD");

  // What is there under another name is not fetched again.
  registry.forget_requests();
  registry.add_tag("2", image.manifest);
  oci::pull(client, store, reference("2"), amd64);
  CHECK(registry.requests().size() == 1);
  CHECK(store.list().size() == 2);

  // By digest there is nothing to ask.
  registry.forget_requests();
  const auto by_digest = reference().with_digest(image.manifest.digest());
  oci::pull(client, store, by_digest, amd64);
  CHECK(registry.requests().size() == 1);
  registry.forget_requests();
  oci::pull(client, store, by_digest, amd64);
  CHECK(registry.requests().empty());
}

TEST_CASE_FIXTURE(FaultFixture, "pull: a registry that tells no digest costs two requests") {
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (!request.is_manifest()) return std::nullopt;
    FaultResponse response = registry.honest(request);
    std::erase_if(response.headers,
                  [](const auto& header) { return header.first == "Docker-Content-Digest"; });
    return response;
  });
  RegistryClient client(fast());
  oci::pull(client, store, reference(), amd64);
  registry.forget_requests();
  oci::pull(client, store, reference(), amd64);
  CHECK(registry.requests().size() == 2);
  check_complete();
}

TEST_CASE_FIXTURE(FaultFixture, "pull: a moved tag leads to the new image") {
  pull();
  const TestImage other = TestImage::make("amd64", {noise_layer(1000, 7), image.layers[1]});
  registry.add_image("1", other);
  registry.forget_requests();
  CHECK(pull().descriptor.digest == other.manifest.digest());
  CHECK(store.list().size() == 1);
  CHECK(registry.count("/blobs/") == 2);  // not the layer that both have
}

TEST_CASE_FIXTURE(FaultFixture, "pull: of an index only the platform's image") {
  const TestImage arm = TestImage::make("arm64", {noise_layer(1000, 3)});
  const TestImage fast_cpu = TestImage::make("amd64", {noise_layer(1000, 4)});
  const TestBlob index = make_index({{"arm64/v8", arm}, {"amd64", image}, {"amd64/v3", fast_cpu}});
  for (const auto& one : {arm, image, fast_cpu}) registry.add_image("x", one);
  registry.add_tag("1", index);
  RegistryClient client(fast());
  oci::pull(client, store, reference(), amd64);
  check_complete();
  CHECK(registry.requests().size() == 5);
  CHECK(store.list().at(0).source == index.digest());

  registry.forget_requests();
  oci::pull(client, store, reference(), amd64);
  CHECK(registry.requests().size() == 1);

  const Image v3 =
      oci::pull(client, store, reference(), {.platform = Platform::parse("linux/amd64/v4")});
  CHECK(v3.descriptor.digest == image.manifest.digest());  // it fits and is there already

  const auto s390x = PullOptions{.platform = Platform::parse("linux/s390x")};
  check_error(Errc::unsupported, {"s390x", "linux/amd64, linux/amd64/v3, linux/arm64"},
              [&] { oci::pull(client, store, reference(), s390x); });
  check_complete();  // the name still leads where it led
}

TEST_CASE_FIXTURE(FaultFixture, "pull: an image for one other platform") {
  registry.add_image("1", TestImage::make("arm64", {noise_layer(100'000, 3)}));
  check_error(Errc::unsupported, {"linux/amd64", "linux/arm64", "/team/app:1"}, [&] { pull(); });
  check_nothing_visible();
  CHECK(registry.count("/blobs/") == 1);  // its configuration told
}

TEST_CASE_FIXTURE(FaultFixture, "pull: an index of indexes without end") {
  TestBlob index = make_index({{"amd64", image}});
  for (int i = 0; i < 5; ++i) {
    registry.add_tag("n", index);
    TestImage nested = image;
    nested.manifest = index;
    index = make_index({{"amd64", nested}});
  }
  registry.add_tag("1", index);
  check_error(Errc::data_corruption, {"index in an index"}, [&] { pull(); });
  check_nothing_visible();
}

TEST_CASE_FIXTURE(FaultFixture, "pull: an index that names itself") {
  TestImage self = image;
  TestBlob index = make_index({{"amd64", image}});
  index.content.insert(index.content.find("\"manifests\""), "\"annotations\":{},");
  self.manifest = {std::string(media_type::oci_index), index.content};
  const TestBlob outer = make_index({{"amd64", self}});
  registry.add_tag("1", outer);
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (!request.is_manifest()) return std::nullopt;
    return FaultResponse{.headers = {{"Content-Type", outer.media_type}}, .body = outer.content};
  });
  check_error(Errc::data_corruption, {"expected a manifest with the digest"}, [&] { pull(); });
  CHECK(registry.requests().size() == 2);
  check_nothing_visible();
}

TEST_CASE_FIXTURE(FaultFixture, "pull: progress by layer, one call at a time") {
  std::atomic<int> inside{0};
  std::map<std::string, Progress> last;
  std::map<std::string, std::uint64_t> first_done;
  const CallOptions call{.progress = [&](const Progress& progress) {
    CHECK(++inside == 1);
    CHECK(progress.phase == "pull");
    const std::string subject(progress.subject);
    first_done.emplace(subject, progress.done);
    CHECK(progress.done >= last[subject].done);
    last[subject] = progress;
    --inside;
  }};
  pull(fast(), call);
  REQUIRE(last.size() == 2);
  for (const TestBlob& layer : image.layers) {
    const Progress& progress = last.at(layer.digest().to_string());
    CHECK(progress.done == layer.content.size());
    CHECK(progress.total == layer.content.size());
    CHECK(first_done.at(layer.digest().to_string()) == 0);
  }
}

TEST_CASE_FIXTURE(FaultFixture, "pull: what the callback throws comes back unchanged") {
  const auto throw_late = [](const Progress& progress) {
    if (progress.done > 0) throw std::runtime_error("enough");
  };
  CHECK_THROWS_WITH_AS(pull(fast(), {.progress = throw_late}), "enough", std::runtime_error);
  check_nothing_visible(false);
  const auto throw_error = [](const Progress&) { throw Error(Errc::not_found, "mine"); };
  CHECK_THROWS_WITH_AS(pull(fast(), {.progress = throw_error}), "mine", Error);
  pull();
  check_complete();
}

TEST_CASE_FIXTURE(FaultFixture,
                  "pull: a stop is answered within 100 ms, and the next pull resumes") {
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    FaultResponse response = registry.honest(request);
    if (request.is_blob() && response.body.size() > 1'000'000) response.stall_after = 1'500'000;
    return response;
  });
  auto options = fast();
  options.stall_timeout = 30s;
  StopSource source;
  std::atomic<std::chrono::steady_clock::time_point> asked{};
  std::thread asker([&] {
    while (registry.count(image.layers[1].digest().hex()) == 0) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(100ms);
    asked = std::chrono::steady_clock::now();
    source.request_stop();
  });
  check_error(Errc::cancelled, {"/team/app:1"}, [&] { pull(options, {.stop = source.token()}); });
  const auto took = std::chrono::steady_clock::now() - asked.load();
  asker.join();
  CHECK(took < 100ms);
  check_nothing_visible(false);

  registry.set_handler({});
  registry.forget_requests();
  pull();
  check_complete();
  const auto requests = registry.requests();
  CHECK(std::any_of(requests.begin(), requests.end(), [](const FaultRequest& request) {
    return request.header("range") == "bytes=1500000-";
  }));
}

TEST_CASE_FIXTURE(FaultFixture, "pull: a deadline ends it") {
  registry.set_handler([&](const FaultRequest& request) {
    FaultResponse response = registry.honest(request);
    if (request.is_blob()) response.stall_after = 100;
    return response;
  });
  check_error(Errc::timeout, {"deadline"},
              [&] { pull(fast(), CallOptions{}.with_timeout(150ms)); });
  check_nothing_visible(false);
}

TEST_CASE_FIXTURE(FaultFixture, "pull: bad bytes left in the store are found and fetched anew") {
  pull();
  const auto path = store.blob_path(image.layers[0].digest());
  std::string content = os::read_file(path, 1_MiB);
  content[1000] ^= 1;
  os::write_file_atomically(path, content);

  registry.forget_requests();
  pull();  // trusts what is there
  CHECK(registry.count("/blobs/") == 0);
  amd64.verify_existing = true;
  pull();
  CHECK(registry.count("/blobs/") == 1);
  check_complete();
}

TEST_CASE_FIXTURE(FaultFixture, "pull: bad bytes of an earlier attempt cost one fresh download") {
  os::write_file_atomically(store.root() / "ingest" / ("sha256-" + image.layers[1].digest().hex()),
                            "garbage");
  pull();
  check_complete();
  const auto hex = image.layers[1].digest().hex();
  CHECK(registry.count(hex) == 2);
}

TEST_CASE_FIXTURE(FaultFixture, "pull: two clients at once fetch each blob once") {
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.is_blob()) std::this_thread::sleep_for(20ms);
    return std::nullopt;
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      ImageStore own = ImageStore::open(store.root());
      RegistryClient client(fast());
      CHECK_NOTHROW(oci::pull(client, own, reference(), amd64));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(registry.count("/blobs/") == 3);
  check_complete();
}

TEST_CASE_FIXTURE(FaultFixture,
                  "pull: a layer listed twice is fetched once, and with two sizes never") {
  const TestImage twice = TestImage::make("amd64", {image.layers[0], image.layers[0]});
  registry.add_image("1", twice);
  CHECK(layers(pull()).size() == 2);
  CHECK(registry.count("/blobs/") == 2);

  TestImage lie = twice;
  const std::string size = "\"size\":300000";
  lie.manifest.content.replace(lie.manifest.content.rfind(size), size.size(), "\"size\":300001");
  registry.add_image("1", lie);
  check_error(Errc::data_corruption, {"two sizes", "300000", "300001"}, [&] { pull(); });
}

TEST_CASE_FIXTURE(FaultFixture, "pull: documents that do not fit together") {
  SUBCASE("more diff IDs than layers") {
    const TestImage odd = TestImage::make("amd64", {image.layers[0], image.layers[1]}, {});
    TestImage bad = TestImage::make("amd64", {image.layers[0]});
    bad.manifest = odd.manifest;
    const std::string from = odd.config.descriptor();
    bad.manifest.content.replace(bad.manifest.content.find(from), from.size(),
                                 bad.config.descriptor());
    registry.add_image("1", bad);
    check_error(Errc::data_corruption, {"diff_ids", "expected 2", "found 1"}, [&] { pull(); });
  }
  SUBCASE("not an image") {
    TestImage artifact = image;
    const std::string type(media_type::oci_config);
    artifact.manifest.content.replace(artifact.manifest.content.find(type), type.size(), "a/b");
    registry.add_image("1", artifact);
    check_error(Errc::unsupported, {"artifact", "a/b"}, [&] { pull(); });
  }
  SUBCASE("a configuration without end") {
    TestImage huge = image;
    const std::string size = "\"size\":" + std::to_string(image.config.content.size());
    huge.manifest.content.replace(huge.manifest.content.find(size), size.size(),
                                  "\"size\":1000000000000");
    registry.add_image("1", huge);
    check_error(Errc::data_corruption, {"configuration", "4 MiB"}, [&] { pull(); });
  }
  check_nothing_visible();
}

TEST_CASE_FIXTURE(FaultFixture, "pull: Docker's media types") {
  const TestImage docker = image.as_docker();
  registry.add_image("1", docker);
  const Image pulled = pull();
  CHECK(pulled.manifest.media_type == media_type::docker_manifest);
  CHECK(pulled.descriptor.digest == docker.manifest.digest());
  CHECK(layers(pulled).at(0).compression == LayerCompression::gzip);
}

TEST_CASE_FIXTURE(FaultFixture, "pull: how many at once must make sense") {
  amd64.parallel_downloads = 0;
  check_error(Errc::invalid_argument, {"parallel_downloads"}, [&] { pull(); });
}
