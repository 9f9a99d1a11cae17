// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>
#include <stdexcept>
#include <thread>

#include "push_fixture.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/copy.hpp>
#include <vmkit/oci/push.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

/// A store with an image of two layers, to be pushed.
struct ImageFixture : PushFixture {
  os::TemporaryDirectory folder = temporary_directory();
  ImageStore store = ImageStore::open(folder.path() / "store");
  TestImage image = TestImage::make("amd64", {noise_layer(300'000, 1), noise_layer(2'000'000, 2)});
  Reference name = Reference::parse("local/app:1");

  ImageFixture() {
    for (const TestBlob& blob : image.blobs()) store.put_blob(blob.media_type, blob.content);
    store.tag(name, store.put_blob(image.manifest.media_type, image.manifest.content));
  }

  Descriptor push(const PushOptions& options = {}, const CallOptions& call = {}) {
    return oci::push(client, store, name, at("app:1"), options, call);
  }

  std::size_t requests_by(const std::string& method) const {
    const auto all = registry.requests();
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const auto& request) { return request.method == method; }));
  }
};

}  // namespace

TEST_CASE_FIXTURE(ImageFixture, "push: the manifest last; the second time one request") {
  CHECK(push().digest == image.manifest.digest());
  CHECK(server.manifests["1"] == image.manifest.content);
  for (const TestBlob& blob : image.layers) CHECK(stored("app", blob) == blob.content);
  CHECK(requests_by("HEAD") == 4);
  CHECK(requests_by("POST") == 3);
  CHECK(requests_by("PUT") == 4);
  CHECK(registry.requests().back().target == "/v2/app/manifests/1");
  CHECK(registry.requests().back().header("content-type") == image.manifest.media_type);

  registry.forget_requests();
  push();
  CHECK(methods() == "HEAD");

  // The tag leads elsewhere by now, but all blobs are there.
  server.manifests["1"] = "{}";
  registry.forget_requests();
  push();
  CHECK(registry.requests().size() == 5);
  CHECK(requests_by("HEAD") == 4);
  CHECK(server.manifests["1"] == image.manifest.content);
}

TEST_CASE_FIXTURE(ImageFixture, "push: layers mounted from another repository") {
  for (const TestBlob& blob : image.layers) {
    server.blobs["base/" + blob.digest().to_string()] = blob.content;
  }
  push({.mount_from = at("base")});
  CHECK(requests_by("POST") == 3);
  CHECK(requests_by("PUT") == 2);  // configuration and manifest
}

TEST_CASE_FIXTURE(ImageFixture, "push: refused, and no manifest without its layers") {
  SUBCASE("a layer") {
    fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method != "PUT") return std::nullopt;
      return FaultResponse{.status = 403,
                           .body = R"({"errors":[{"code":"DENIED","message":"quota exceeded"}]})"};
    };
    check_error(Errc::permission_denied, {"403", "DENIED: quota exceeded", "push "},
                [&] { push({.parallel_uploads = 1}); });
  }
  SUBCASE("the manifest, by another digest") {
    fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method != "PUT" || !request.is_manifest()) return std::nullopt;
      return FaultResponse{.status = 201,
                           .headers = {{"Docker-Content-Digest", digest_of("x").to_string()}}};
    };
    check_error(Errc::data_corruption, {image.manifest.digest().hex(), digest_of("x").hex()},
                [&] { push(); });
  }
  SUBCASE("too many at once") {
    check_error(Errc::invalid_argument, {"parallel_uploads", "1 to 16", "17"},
                [&] { push({.parallel_uploads = 17}); });
  }
  SUBCASE("a layer is missing from the store") {
    std::filesystem::remove(store.blob_path(image.layers[1].digest()));
    check_error(Errc::not_found, {image.layers[1].digest().hex(), "push "},
                [&] { push({.parallel_uploads = 1}); });
  }
  CHECK(server.manifests.empty());
  CHECK(server.sessions.empty());
}

TEST_CASE_FIXTURE(ImageFixture,
                  "push: a token that only allows to pull is refused, without a loop") {
  fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.target.starts_with("/token")) return FaultResponse{.body = R"({"token":"T"})"};
    const bool reads = request.method == "HEAD" || request.method == "GET";
    if (request.header("authorization") == "Bearer T" && reads) return std::nullopt;
    return FaultResponse{
        .status = 401,
        .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + registry.address() +
                                             "/token\",service=\"s\",scope=\"repository:app:" +
                                             (reads ? "pull" : "pull,push") + "\""}}};
  };
  check_error(Errc::unauthenticated, {"401", registry.address(), "none were given"},
              [&] { push({.parallel_uploads = 1}); });
  CHECK(server.blobs.empty());
  CHECK(requests_by("POST") <= 2);
}

TEST_CASE_FIXTURE(ImageFixture, "push: an exception of the progress callback comes back as it is") {
  const CallOptions call{.progress = [](const Progress& progress) {
    if (progress.done != 0) throw std::runtime_error("enough");
  }};
  CHECK_THROWS_WITH_AS(push({}, call), "enough", std::runtime_error);
  CHECK(server.manifests.empty());
}

TEST_CASE_FIXTURE(ImageFixture, "copy: from one misbehaving registry to another") {
  FaultRegistry source;
  source.add_image("1", image);
  const auto from = Reference::parse(source.address() + "/team/app:1");
  const auto copy_all = [&](const CallOptions& call = {}) {
    RegistryClient reader(fast());
    return oci::copy(reader, from, client, at("app:1"), {}, call);
  };
  const auto layer_fault = [&](const std::function<void(FaultResponse&)>& change) {
    source.set_handler([&, change](const FaultRequest& request) -> std::optional<FaultResponse> {
      auto response = source.honest(request);
      if (!request.is_blob() || response.body.size() < 100'000) return std::nullopt;
      change(response);
      return response;
    });
  };
  SUBCASE("it is cut on both sides") {
    auto cuts = std::make_shared<int>(2);
    layer_fault([cuts](FaultResponse& response) {
      if (--*cuts >= 0) response.cut_after = 200'000;
    });
    registry.set_body_plan([&, left = std::make_shared<int>(2)](const FaultRequest& request) {
      FaultBody plan;
      const bool large = request.header("content-length").size() >= 6;
      if (request.method == "PUT" && large && --*left >= 0) plan.cut_after = 150'000;
      return plan;
    });
    CHECK(copy_all().digest == image.manifest.digest());
    for (const TestBlob& blob : image.layers) CHECK(stored("app", blob) == blob.content);
    return;
  }
  SUBCASE("wrong bytes") {
    layer_fault([](FaultResponse& response) { response.body[5] ^= 1; });
    check_error(Errc::data_corruption, {"content has the digest", "copy to"}, [&] { copy_all(); });
  }
  SUBCASE("a layer that is not there") {
    layer_fault([](FaultResponse& response) { response = {.status = 404}; });
    check_error(Errc::not_found, {"404", source.address()}, [&] { copy_all(); });
  }
  SUBCASE("cancelled while nothing comes") {
    layer_fault([](FaultResponse& response) { response.stall_after = 1000; });
    StopSource stop;
    std::chrono::steady_clock::time_point stopped;
    std::thread stopper([&] {
      std::this_thread::sleep_for(200ms);
      stopped = std::chrono::steady_clock::now();
      stop.request_stop();
    });
    check_error(Errc::cancelled, {}, [&] { copy_all({.stop = stop.token()}); });
    stopper.join();
    CHECK(std::chrono::steady_clock::now() - stopped < 100ms);
  }
  for (const TestBlob& blob : image.layers) CHECK_FALSE(stored("app", blob));
  CHECK(server.manifests.empty());
}
