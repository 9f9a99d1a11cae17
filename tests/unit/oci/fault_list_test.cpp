// SPDX-License-Identifier: Apache-2.0
// What real registries do wrong, one after the other: each ends with the right error and leaves
// nothing that counts, and when the registry is well again the next pull succeeds.
#include "fault_fixture.hpp"

#include <vmkit/oci/media_type.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

using Fault = std::function<void(FaultResponse&)>;

enum class At { manifest, config, layer };

struct FaultListFixture : FaultFixture {
  FaultListFixture() {
    image = TestImage::make("amd64", {noise_layer(3000, 1), noise_layer(5000, 2)});
    registry.add_image("1", image);
    amd64.parallel_downloads = 1;
  }

  /// The answers at this place are honest but for what `fault` does to them.
  void set_fault(At at, const Fault& fault) {
    registry.set_handler([this, at, fault](const FaultRequest& request) {
      const bool config = request.target.find(image.config.digest().hex()) != std::string::npos;
      const At here = request.is_manifest() ? At::manifest : config ? At::config : At::layer;
      FaultResponse response = registry.honest(request);
      if (here == at) fault(response);
      return response;
    });
  }

  /// Pulls with the fault, in so many requests to its end, and then without it.
  void check(At at, const Fault& fault, Errc code, std::initializer_list<std::string_view> words,
             std::size_t requests) {
    set_fault(at, fault);
    check_error(code, words, [&] { pull(); });
    CHECK(registry.requests().size() == requests);
    check_nothing_visible(false);
    const std::size_t blobs = at == At::manifest || at == At::config ? 0 : 1;
    CHECK(file_count(store.root() / "blobs/sha256") <= blobs);
    for (const TestBlob& layer : image.layers) {
      CHECK_FALSE(std::filesystem::exists(store.blob_path(layer.digest())));
    }
    registry.set_handler({});
    pull();
    check_complete();
  }
};

Fault answers(int status) {
  return [status](FaultResponse& response) {
    response = {.status = status,
                .headers = {{"Content-Type", "text/html"}},
                .body = "<html><h1>no</h1></html>"};
  };
}

}  // namespace

TEST_CASE("faults: statuses, for a manifest and a layer") {
  struct Case {
    int status;
    Errc code;
    std::size_t tries;
  };
  const Case cases[] = {
      {400, Errc::data_corruption, 1},   {401, Errc::unauthenticated, 1},
      {403, Errc::permission_denied, 1}, {404, Errc::not_found, 1},
      {405, Errc::unsupported, 1},       {410, Errc::not_found, 1},
      {429, Errc::unavailable, 3},       {500, Errc::unavailable, 3},
      {502, Errc::unavailable, 3},       {503, Errc::unavailable, 3},
      {504, Errc::unavailable, 3},
  };
  for (const Case& one : cases) {
    const std::string status = std::to_string(one.status);
    CAPTURE(status);
    FaultListFixture().check(At::manifest, answers(one.status), one.code, {"127.0.0.1", status},
                             one.tries);
    FaultListFixture().check(At::layer, answers(one.status), one.code, {"127.0.0.1", status},
                             2 + one.tries);
  }
}

TEST_CASE("faults: a connection that is cut in the header") {
  for (const std::size_t length : {0, 7, 15, 40}) {
    CAPTURE(length);
    const Fault cut = [&](FaultResponse& response) { response.cut_header_after = length; };
    for (const At at : {At::manifest, At::config, At::layer}) {
      const std::size_t before = static_cast<std::size_t>(at);
      // A connection that served before and ends without a whole status line was closed for being
      // idle: libcurl itself asks again, once.
      const std::size_t again = at != At::manifest && length < 17 ? 1 : 0;
      FaultListFixture().check(at, cut, Errc::unavailable, {"127.0.0.1", "after 3 attempts"},
                               before + 3 + again);
    }
  }
}

TEST_CASE("faults: a connection that is cut in the body") {
  const Fault cut = [](FaultResponse& response) {
    // Also of what is left when a layer goes on.
    response.cut_after = response.body.size() < 2 ? 0 : 1;
  };
  FaultListFixture().check(At::manifest, cut, Errc::unavailable, {"after 3 attempts"}, 3);
  FaultListFixture().check(At::config, cut, Errc::unavailable, {"after 3 attempts"}, 4);
  FaultListFixture().check(At::layer, cut, Errc::unavailable, {"after 3 attempts"}, 5);
}

TEST_CASE("faults: a wrong length") {
  const Fault longer = [](FaultResponse& response) { response.body += "more"; };
  const Fault unannounced = [](FaultResponse& response) {
    response.body += "more";
    response.announce_length = false;
  };
  const Fault shorter = [](FaultResponse& response) { response.body.pop_back(); };
  for (const At at : {At::config, At::layer}) {
    const std::size_t requests = static_cast<std::size_t>(at) + 1;
    FaultListFixture().check(at, longer, Errc::data_corruption, {"expected", "announces"},
                             requests);
    FaultListFixture().check(at, unannounced, Errc::data_corruption, {"found more"}, requests);
    FaultListFixture().check(at, shorter, Errc::data_corruption, {"expected", "announces"},
                             requests);
  }
  FaultListFixture().check(At::manifest, longer, Errc::data_corruption, {"digest"}, 1);
  FaultListFixture().check(At::manifest, shorter, Errc::data_corruption, {"digest"}, 1);
}

TEST_CASE("faults: a wrong digest") {
  const Fault flip = [](FaultResponse& response) { response.body[20] ^= 1; };
  FaultListFixture().check(At::manifest, flip, Errc::data_corruption,
                           {"expected a manifest with the digest"}, 1);
  FaultListFixture().check(At::config, flip, Errc::data_corruption, {"has the digest"}, 2);
  FaultListFixture().check(At::layer, flip, Errc::data_corruption, {"has the digest"}, 3);
}

TEST_CASE("faults: a slow drip") {
  const Fault drip = [](FaultResponse& response) { response.drip = 20ms; };
  FaultListFixture().check(At::manifest, drip, Errc::unavailable, {"400 ms", "after 3 attempts"},
                           3);
  FaultListFixture().check(At::layer, drip, Errc::unavailable, {"400 ms", "after 3 attempts"}, 5);
}

TEST_CASE("faults: redirects: in a circle, to nowhere, to another host that refuses") {
  FaultRegistry elsewhere;
  elsewhere.set_handler([](const FaultRequest&) { return FaultResponse{.status = 403}; });
  const auto redirect = [](const std::string& location) -> Fault {
    return [location](FaultResponse& response) {
      response = {.status = 307, .headers = {{"Location", location}}};
    };
  };
  for (const At at : {At::manifest, At::layer}) {
    const std::size_t before = static_cast<std::size_t>(at);
    const auto check = [&](const std::string& location, Errc code,
                           std::initializer_list<std::string_view> words, std::size_t requests) {
      CAPTURE(location);
      FaultListFixture().check(at, redirect(location), code, words, before + requests);
    };
    check("?", Errc::unavailable, {"307", "5 redirects"}, 6);
    check("http://" + elsewhere.address() + "/x", Errc::permission_denied,
          {elsewhere.address(), "403"}, 1);
    check("ftp://127.0.0.1/x", Errc::unavailable, {"no usable Location"}, 1);
    check("http://user:secret@127.0.0.1/x", Errc::unavailable, {"no usable Location"}, 1);
    check("", Errc::unavailable, {"no usable Location"}, 1);
  }
}

TEST_CASE("faults: a manifest of the wrong type") {
  const auto type = [](std::string_view name) -> Fault {
    return
        [name = std::string(name)](FaultResponse& response) { response.headers[0].second = name; };
  };
  FaultListFixture().check(At::manifest, type(media_type::oci_index), Errc::data_corruption,
                           {"mediaType"}, 1);
  FaultListFixture().check(At::manifest, type(media_type::docker_manifest), Errc::data_corruption,
                           {"mediaType"}, 1);
  const Fault schema_1 = [](FaultResponse& response) {
    response = {
        .headers = {{"Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws"}},
        .body = R"({"schemaVersion":1,"name":"team/app","tag":"1","fsLayers":[],"history":[]})"};
  };
  FaultListFixture().check(At::manifest, schema_1, Errc::unsupported, {"/team/app:1"}, 1);
  const Fault page = [](FaultResponse& response) {
    response = {.headers = {{"Content-Type", "text/html"}}, .body = "<html>log in</html>"};
  };
  FaultListFixture().check(At::manifest, page, Errc::data_corruption, {"not valid JSON"}, 1);
}

TEST_CASE("faults: a manifest list that names itself") {
  // No document holds its own digest: whatever is sent for that digest is not it.
  FaultListFixture fixture;
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string list =
      "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(media_type::docker_index) +
      "\",\"manifests\":[{\"mediaType\":\"" + std::string(media_type::docker_index) +
      "\",\"size\":400,\"digest\":\"" + digest +
      "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}";
  const Fault self = [&](FaultResponse& response) {
    response = {.headers = {{"Content-Type", std::string(media_type::docker_index)},
                            {"Docker-Content-Digest", digest}},
                .body = list};
  };
  fixture.check(At::manifest, self, Errc::data_corruption, {"expected a manifest with the digest"},
                1);
  const Fault silent = [&](FaultResponse& response) {
    self(response);
    response.headers.pop_back();
  };
  FaultListFixture().check(At::manifest, silent, Errc::data_corruption,
                           {"expected a manifest with the digest", digest}, 2);
}
