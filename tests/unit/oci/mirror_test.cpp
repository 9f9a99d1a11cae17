// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "fault_fixture.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

/// Two mirrors of the registry, the first of which a test may break.
struct MirrorFixture : FaultFixture {
  FaultRegistry first;
  FaultRegistry second;
  RegistryClientOptions options = fast();

  MirrorFixture() {
    options.hosts[registry.address()] = {.plain_http = true,
                                         .mirrors = {first.address(), second.address()}};
  }

  static std::optional<FaultResponse> broken(const FaultRequest&) {
    return FaultResponse{.status = 500};
  }
};

}  // namespace

TEST_CASE_FIXTURE(MirrorFixture, "mirror: has all, so that the registry is not asked") {
  first.add_image("1", image);
  pull(options);
  check_complete();
  CHECK(first.requests().size() == 4);
  CHECK(second.requests().empty());
  CHECK(registry.requests().empty());
}

TEST_CASE_FIXTURE(MirrorFixture, "mirror: what it lacks comes from the next, then the registry") {
  first.add_tag("1", image.manifest);
  second.add_blobs({image.layers[0]});
  pull(options);
  check_complete();
  CHECK(registry.count("/manifests/") == 0);
  CHECK(registry.count("/blobs/") == 2);
  CHECK(second.count("/blobs/") == 3);
}

TEST_CASE_FIXTURE(MirrorFixture, "mirror: one that fails gets one chance, then a rest") {
  first.set_handler(broken);
  second.add_image("1", image);
  RegistryClient client(options);
  oci::pull(client, store, reference(), amd64);
  check_complete();
  CHECK(first.requests().size() == 1);
  CHECK(registry.requests().empty());
}

TEST_CASE_FIXTURE(MirrorFixture, "mirror: a wrong manifest is not believed") {
  const TestImage other = TestImage::make("amd64", {noise_layer(100, 9)});
  first.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (!request.is_manifest()) return std::nullopt;
    return FaultResponse{
        .headers = {{"Content-Type", other.manifest.media_type},
                    {"Docker-Content-Digest", image.manifest.digest().to_string()}},
        .body = other.manifest.content};
  });
  RegistryClient client(options);
  CHECK(client.fetch_manifest(reference()).content == image.manifest.content);
  CHECK(client.fetch_manifest(reference().with_digest(image.manifest.digest())).content ==
        image.manifest.content);
}

TEST_CASE_FIXTURE(MirrorFixture, "mirror: a blob cut in its middle goes on at the next") {
  first.add_image("1", image);
  second.add_image("1", image);
  const std::string& content = image.layers[1].content;
  first.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    auto response = first.honest(request);
    if (response.body.size() != content.size()) return std::nullopt;
    response.cut_after = 500'000;
    return response;
  });
  pull(options);
  check_complete();
  std::size_t ranged = 0;
  for (const FaultRequest& request : second.requests()) {
    if (!request.header("range").empty()) ++ranged;
  }
  CHECK(ranged == 1);
}

TEST_CASE_FIXTURE(MirrorFixture, "mirror: wrong bytes are an error, and it is not asked again") {
  first.add_image("1", image);
  first.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    auto response = first.honest(request);
    if (!request.is_blob() || response.body.size() < 100'000) return std::nullopt;
    response.body[1000] ^= 1;
    return response;
  });
  RegistryClient client(options);
  check_error(Errc::data_corruption, {"content has the digest", "from a mirror", "not asked again"},
              [&] { oci::pull(client, store, reference(), amd64); });
  CHECK(store.list().empty());
  first.forget_requests();
  oci::pull(client, store, reference(), amd64);
  check_complete();
  CHECK(first.requests().empty());
}

TEST_CASE_FIXTURE(MirrorFixture, "mirror: is shown its own credentials and not the registry's") {
  auto credentials = std::map<std::string, Credential>{{registry.address(), {"user", "secret"}},
                                                       {second.address(), {"other", "word"}}};
  options.credentials = std::make_shared<GivenCredentials>(credentials);
  const auto wants_password = [](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (!request.header("authorization").empty()) return std::nullopt;
    return FaultResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
  };
  for (FaultRegistry* one : {&first, &second, &registry}) one->set_handler(wants_password);
  second.add_image("1", image);
  pull(options);
  check_complete();
  for (const FaultRequest& request : first.requests()) {
    CHECK(request.header("authorization").empty());
  }
  // printf other:word | base64
  CHECK(second.requests().back().header("authorization") == "Basic b3RoZXI6d29yZA==");
  CHECK(registry.requests().empty());
}

TEST_CASE_FIXTURE(MirrorFixture, "mirror: writing and asking before it goes past them") {
  first.add_image("1", image);
  RegistryClient client(options);
  CHECK(client.has_manifest(reference(), image.manifest.digest()));
  const Descriptor layer{image.layers[0].media_type, image.layers[0].digest(),
                         ByteSize(image.layers[0].content.size())};
  CHECK(client.has_blob(reference(), layer));
  CHECK(first.requests().empty());
  CHECK(client.manifest_digest(reference()) == image.manifest.digest());
  CHECK(first.requests().size() == 1);

  options.hosts[registry.address()].mirrors = {"not a host"};
  RegistryClient mistaken(options);
  check_error(Errc::invalid_argument, {"mirrors of", "not a host"},
              [&] { mistaken.fetch_manifest(reference()); });
}
