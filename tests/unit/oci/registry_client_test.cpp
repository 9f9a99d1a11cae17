// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <sys/socket.h>
#include <thread>
#include <zlib.h>

#include "fault_fixture.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

FaultResponse status(int code) {
  return {.status = code, .headers = {{"Content-Type", "text/html"}}, .body = "<html>no</html>"};
}

/// Makes requests for blobs fail by `fault` the first `times` times.
auto blobs_fail(FaultRegistry& registry, std::size_t times,
                const std::function<void(FaultResponse&)>& fault) {
  auto left = std::make_shared<std::size_t>(times);
  return [&registry, left, fault](const FaultRequest& request) -> std::optional<FaultResponse> {
    FaultResponse response = registry.honest(request);
    // The configuration is short; the faults are meant for the layers.
    if (!request.is_blob() || response.body.size() < 100'000 || *left == 0) return std::nullopt;
    --*left;
    fault(response);
    return response;
  };
}

std::shared_ptr<CredentialProvider> credentials_for(const FaultRegistry& registry) {
  return std::make_shared<GivenCredentials>(
      std::map<std::string, Credential>{{registry.address(), {"user", "secret"}}});
}

constexpr const char* user_secret = "Basic dXNlcjpzZWNyZXQ=";  // printf user:secret | base64

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string result(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

}  // namespace

TEST_CASE_FIXTURE(FaultFixture, "client: no such image") {
  registry.forget_requests();
  RegistryClient client(fast());
  check_error(Errc::not_found,
              {"/team/app:none", "404", "manifest unknown", "check registry, repository and tag"},
              [&] { oci::pull(client, store, reference("none"), amd64); });
  CHECK(registry.requests().size() == 1);
  check_nothing_visible();
}

TEST_CASE_FIXTURE(FaultFixture, "client: a blob that is not there") {
  registry.set_handler([](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.is_blob()) return status(404);
    return std::nullopt;
  });
  check_error(Errc::not_found, {"blob sha256:", "404"}, [&] { pull(); });
  check_nothing_visible();
}

TEST_CASE("client: nobody listens") {
  std::string address;
  {
    const FaultRegistry gone;
    address = gone.address();
  }
  RegistryClient client(FaultFixture::fast());
  check_error(Errc::unavailable, {address.c_str(), "after 3 attempts", "refused"},
              [&] { client.fetch_manifest(Reference::parse(address + "/app:1")); });
}

TEST_CASE("client: a name that is nobody's") {
  RegistryClient client(FaultFixture::fast());
  check_error(Errc::unavailable, {"nobody.invalid", "after 3 attempts", "resolve"},
              [&] { client.fetch_manifest(Reference::parse("nobody.invalid/app:1")); });
}

TEST_CASE_FIXTURE(FaultFixture, "client: TLS with a registry that has none is explained") {
  auto options = fast();
  options.defaults.plain_http = false;
  check_error(Errc::unavailable, {registry.address().c_str(), "plain HTTP"},
              [&] { pull(options); });
  // Only this one in plain HTTP.
  options.hosts[registry.address()].plain_http = true;
  pull(options);
  check_complete();
}

TEST_CASE_FIXTURE(FaultFixture, "client: 403 is final") {
  registry.set_handler([](const FaultRequest&) { return status(403); });
  check_error(Errc::permission_denied, {"403", "/team/app:1"}, [&] { pull(); });
  CHECK(registry.requests().size() == 1);
  check_nothing_visible();
}

TEST_CASE_FIXTURE(FaultFixture, "client: 500 twice, then all is well") {
  int left = 2;
  registry.set_handler([&](const FaultRequest&) -> std::optional<FaultResponse> {
    if (left-- > 0) return status(500);
    return std::nullopt;
  });
  pull();
  check_complete();
  CHECK(registry.requests().size() == 6);
}

TEST_CASE_FIXTURE(FaultFixture, "client: 502 for ever ends, without the proxy's page") {
  registry.set_handler([](const FaultRequest&) { return status(502); });
  try {
    pull();
    FAIL("nothing thrown");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::unavailable);
    CHECK(error.native() == NativeError{ErrorDomain::http, 502});
    const std::string message = error.what();
    CHECK(message.find("502") != message.npos);
    CHECK(message.find("html") == message.npos);
  }
  CHECK(registry.requests().size() == 3);
}

TEST_CASE_FIXTURE(FaultFixture, "client: Retry-After is honoured, within reason") {
  int left = 1;
  std::string patience = "1";
  registry.set_handler([&](const FaultRequest&) -> std::optional<FaultResponse> {
    if (left-- <= 0) return std::nullopt;
    return FaultResponse{.status = 429, .headers = {{"Retry-After", patience}}};
  });
  const auto start = std::chrono::steady_clock::now();
  pull();
  CHECK(std::chrono::steady_clock::now() - start >= 1s);
  check_complete();

  left = 1000;
  patience = "3600";
  registry.forget_requests();
  RegistryClient client(fast());
  check_error(Errc::unavailable, {"3600 seconds", "429"},
              [&] { client.fetch_manifest(reference()); });
  CHECK(registry.requests().size() == 1);
}

TEST_CASE_FIXTURE(FaultFixture, "client: a body cut in the middle goes on with Range") {
  registry.set_handler(blobs_fail(registry, 2, [](FaultResponse& r) { r.cut_after = 120'000; }));
  pull();
  check_complete();
  std::size_t ranged = 0;
  for (const auto& request : registry.requests()) {
    if (!request.header("range").empty()) ++ranged;
  }
  CHECK(ranged == 2);
  CHECK(registry.count("/blobs/") == 5);
}

TEST_CASE_FIXTURE(FaultFixture, "client: where there are no ranges it starts over") {
  const auto cut = blobs_fail(registry, 2, [](FaultResponse& r) { r.cut_after = 150'000; });
  registry.set_handler([&, cut](FaultRequest request) -> std::optional<FaultResponse> {
    request.headers.erase("range");
    auto response = cut(request);
    return response ? response : registry.honest(request);
  });
  pull();
  check_complete();
}

TEST_CASE_FIXTURE(FaultFixture, "client: 416 and false ranges") {
  const auto cut = blobs_fail(registry, 1, [](FaultResponse& r) { r.cut_after = 150'000; });
  SUBCASE("416: starts over without a range") {
    registry.set_handler([&, cut](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (!request.header("range").empty()) return status(416);
      return cut(request);
    });
    pull();
    check_complete();
  }
  SUBCASE("another range than was asked for") {
    registry.set_handler([&, cut](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.header("range").empty()) return cut(request);
      FaultResponse response = registry.honest(request);
      response.headers = {{"Content-Range", "bytes 7-100/300000"}};
      return response;
    });
    check_error(Errc::data_corruption, {"from 150000", "bytes 7-100/300000"}, [&] { pull(); });
    check_nothing_visible(false);
  }
}

TEST_CASE_FIXTURE(FaultFixture, "client: a body that is always cut ends") {
  registry.set_handler(blobs_fail(registry, 1000, [](FaultResponse& r) { r.cut_after = 1; }));
  check_error(Errc::unavailable, {"after 3 attempts", "blob sha256:"}, [&] { pull(); });
  check_nothing_visible(false);
  CHECK(registry.count("/blobs/") <= 7);
}

TEST_CASE_FIXTURE(FaultFixture, "client: wrong lengths") {
  SUBCASE("announced too long") {
    registry.set_handler(blobs_fail(registry, 1000, [](FaultResponse& r) { r.body += "more"; }));
    check_error(Errc::data_corruption, {"blob sha256:", "expected", "announces"}, [&] { pull(); });
  }
  SUBCASE("announced too short") {
    registry.set_handler(blobs_fail(registry, 1000, [](FaultResponse& r) { r.body.pop_back(); }));
    check_error(Errc::data_corruption, {"announces"}, [&] { pull(); });
  }
  SUBCASE("longer without saying so") {
    registry.set_handler(blobs_fail(registry, 1000, [](FaultResponse& r) {
      r.body += "more";
      r.announce_length = false;
    }));
    check_error(Errc::data_corruption, {"found more"}, [&] { pull(); });
  }
  SUBCASE("shorter without saying so") {
    registry.set_handler(blobs_fail(registry, 1000, [](FaultResponse& r) {
      r.body.resize(50'000);
      r.announce_length = false;
    }));
    check_error(Errc::data_corruption, {"expected", "found"}, [&] { pull(); });
  }
  SUBCASE("an empty one") {
    registry.set_handler(blobs_fail(registry, 1000, [](FaultResponse& r) { r.body.clear(); }));
    check_error(Errc::data_corruption, {"announces 0"}, [&] { pull(); });
  }
  check_nothing_visible(false);
}

TEST_CASE_FIXTURE(FaultFixture, "client: a length that is not told is no problem") {
  registry.set_handler([&](const FaultRequest& request) {
    FaultResponse response = registry.honest(request);
    response.announce_length = false;
    return response;
  });
  pull();
  check_complete();
}

TEST_CASE_FIXTURE(FaultFixture, "client: a blob with another content") {
  registry.set_handler(blobs_fail(registry, 1000, [](FaultResponse& r) { r.body[77] ^= 1; }));
  const std::string expected = image.layers[0].digest().to_string();
  amd64.parallel_downloads = 1;
  check_error(Errc::data_corruption, {expected.c_str(), "has the digest sha256:"}, [&] { pull(); });
  check_nothing_visible();
  CHECK_FALSE(std::filesystem::exists(store.blob_path(image.layers[0].digest())));
}

TEST_CASE_FIXTURE(FaultFixture, "client: a sink gets each byte once, and the digest is verified") {
  struct Collector : Sink {
    std::string content;
    void write(std::span<const std::byte> data) override {
      content.append(reinterpret_cast<const char*>(data.data()), data.size());
    }
  };
  const TestBlob& layer = image.layers[1];
  const Descriptor descriptor{layer.media_type, layer.digest(), ByteSize(layer.content.size())};
  RegistryClient client(fast());
  {
    registry.set_handler(blobs_fail(registry, 2, [](FaultResponse& r) { r.cut_after = 700'000; }));
    Collector sink;
    client.fetch_blob(reference(), descriptor, sink);
    CHECK(sink.content == layer.content);
  }
  {
    Collector sink;
    client.fetch_rest_of_blob(reference(), descriptor, 1'999'990, sink);
    CHECK(sink.content == layer.content.substr(1'999'990));
  }
  registry.set_handler(blobs_fail(registry, 1, [](FaultResponse& r) { r.body[77] ^= 1; }));
  Collector sink;
  check_error(Errc::data_corruption, {"has the digest"},
              [&] { client.fetch_blob(reference(), descriptor, sink); });
  check_error(Errc::invalid_argument, {"offset"},
              [&] { client.fetch_rest_of_blob(reference(), descriptor, 2'000'001, sink); });
}

TEST_CASE_FIXTURE(FaultFixture, "client: a stall is ended and resumed") {
  registry.set_handler(blobs_fail(registry, 1, [](FaultResponse& r) { r.stall_after = 100'000; }));
  pull();
  check_complete();
}

TEST_CASE_FIXTURE(FaultFixture, "client: a stall for ever ends") {
  registry.set_handler([&](const FaultRequest& request) {
    FaultResponse response = registry.honest(request);
    response.stall_after = 10;
    return response;
  });
  check_error(Errc::unavailable, {"nothing received for 400 ms", "after 3 attempts"},
              [&] { pull(); });
  check_nothing_visible();
}

TEST_CASE_FIXTURE(FaultFixture, "client: manifests that contradict themselves") {
  const auto answer_manifest = [&](const std::function<void(FaultResponse&)>& fault) {
    registry.set_handler(
        [this, fault](const FaultRequest& request) -> std::optional<FaultResponse> {
          if (!request.is_manifest()) return std::nullopt;
          FaultResponse response = registry.honest(request);
          fault(response);
          return response;
        });
  };
  SUBCASE("announced with another digest") {
    answer_manifest(
        [](FaultResponse& r) { r.headers[1].second = "sha256:" + std::string(64, '0'); });
    check_error(Errc::data_corruption, {"expected a manifest with the digest sha256:0000"},
                [&] { pull(); });
  }
  SUBCASE("sent as an index") {
    answer_manifest(
        [](FaultResponse& r) { r.headers[0].second = "application/vnd.oci.image.index.v1+json"; });
    check_error(Errc::data_corruption, {"mediaType", "image.index", "image.manifest"},
                [&] { pull(); });
  }
  SUBCASE("a page for people") {
    answer_manifest([](FaultResponse& r) {
      r = FaultResponse{.headers = {{"Content-Type", "text/html"}}, .body = "<html>"};
    });
    check_error(Errc::data_corruption, {"not valid JSON"}, [&] { pull(); });
  }
  SUBCASE("longer than any manifest") {
    answer_manifest([](FaultResponse& r) {
      r.body.assign(5'000'000, ' ');
      r.announce_length = false;
    });
    check_error(Errc::data_corruption, {"4 MiB"}, [&] { pull(); });
  }
  SUBCASE("a type of its own is fine if the document tells") {
    answer_manifest([](FaultResponse& r) { r.headers[0].second = "application/json"; });
    pull();
    check_complete();
    return;
  }
  SUBCASE("packed by a proxy on the way is fine") {
    answer_manifest([](FaultResponse& r) {
      r.body = gzip(r.body);
      r.headers.emplace_back("Content-Encoding", "gzip");
    });
    pull();
    check_complete();
    return;
  }
  SUBCASE("packed to burst") {
    answer_manifest([](FaultResponse& r) {
      r.body = gzip(std::string(50'000'000, ' '));
      r.headers.emplace_back("Content-Encoding", "gzip");
    });
    check_error(Errc::data_corruption, {"4 MiB"}, [&] { pull(); });
  }
  check_nothing_visible();
}

TEST_CASE_FIXTURE(FaultFixture, "client: by digest only that manifest will do") {
  RegistryClient client(fast());
  const auto wanted = Digest::parse("sha256:" + std::string(64, '1'));
  registry.set_handler([&](const FaultRequest&) {
    return FaultResponse{.headers = {{"Content-Type", image.manifest.media_type}},
                         .body = image.manifest.content};
  });
  check_error(Errc::data_corruption, {"sha256:1111"},
              [&] { client.fetch_manifest(reference().with_digest(wanted)); });
}

TEST_CASE_FIXTURE(FaultFixture,
                  "client: a blob sent with a Content-Encoding counts as it is stored") {
  registry.set_handler(blobs_fail(registry, 1000, [](FaultResponse& r) {
    r.headers.emplace_back("Content-Encoding", "gzip");
  }));
  pull();
  check_complete();
}

TEST_CASE_FIXTURE(FaultFixture, "client: a redirect to another host gets no credentials") {
  FaultRegistry elsewhere;
  elsewhere.add_image("1", image);
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.header("authorization") != user_secret) {
      return FaultResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
    }
    if (!request.is_blob()) return std::nullopt;
    return FaultResponse{
        .status = 307, .headers = {{"Location", "http://" + elsewhere.address() + request.target}}};
  });
  auto options = fast();
  options.credentials = credentials_for(registry);
  pull(options);
  check_complete();
  REQUIRE(elsewhere.requests().size() == 3);
  for (const auto& request : elsewhere.requests()) CHECK(request.header("authorization").empty());
}

TEST_CASE_FIXTURE(FaultFixture,
                  "client: a redirect on the same host keeps them; in a circle it ends") {
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    return FaultResponse{.status = 302, .headers = {{"Location", request.target}}};
  });
  check_error(Errc::unavailable, {"302", "5 redirects"}, [&] { pull(); });
  CHECK(registry.requests().size() == 6);
  registry.set_handler([&](const FaultRequest&) {
    return FaultResponse{.status = 302, .headers = {{"Location", "ftp://x/y"}}};
  });
  check_error(Errc::unavailable, {"no usable Location"}, [&] { pull(); });
}

TEST_CASE_FIXTURE(FaultFixture, "client: a 401 of the host redirected to is final") {
  FaultRegistry elsewhere;
  elsewhere.set_handler([](const FaultRequest&) { return status(401); });
  registry.set_handler([&](const FaultRequest&) {
    return FaultResponse{.status = 307,
                         .headers = {{"Location", "http://" + elsewhere.address() + "/x"}}};
  });
  check_error(Errc::unauthenticated, {elsewhere.address().c_str(), "401"}, [&] { pull(); });
  CHECK(elsewhere.requests().size() == 1);
}

TEST_CASE_FIXTURE(FaultFixture, "client: the signature in a redirect's URL is in no message") {
  FaultRegistry elsewhere;
  elsewhere.set_handler([](const FaultRequest&) -> std::optional<FaultResponse> {
    return FaultResponse{.body = std::string(300'000, 'x'), .stall_after = 10};
  });
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (!request.is_blob()) return std::nullopt;
    return FaultResponse{
        .status = 307,
        .headers = {{"Location", "http://" + elsewhere.address() + "/x?Signature=hidden"}}};
  });
  StopSource stop;
  std::thread stopper([&] {
    while (elsewhere.requests().empty()) std::this_thread::sleep_for(1ms);
    stop.request_stop();
  });
  try {
    RegistryClient client(fast());
    const ManifestDocument document = client.fetch_manifest(reference());
    const Manifest manifest = Manifest::parse(document.content, "manifest");
    struct Nowhere : Sink {
      void write(std::span<const std::byte>) override {}
    } nowhere;
    client.fetch_blob(reference(), manifest.layers[0], nowhere, {.stop = stop.token()});
    FAIL("expected cancelled");
  } catch (const Error& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(error.code() == Errc::cancelled);
    CHECK(message.find(elsewhere.address()) != message.npos);
    CHECK(message.find("hidden") == message.npos);
  }
  stopper.join();
}

TEST_CASE_FIXTURE(FaultFixture, "client: an error whose body never ends is an error at once") {
  registry.set_handler([](const FaultRequest&) -> std::optional<FaultResponse> {
    return FaultResponse{.status = 403,
                         .body = std::string(200'000, 'x'),
                         .announced_length = 1'000'000'000'000,
                         .stall_after = 200'000};
  });
  registry.forget_requests();
  RegistryClient client(fast());
  check_error(Errc::permission_denied, {"403"}, [&] { client.fetch_manifest(reference()); });
  CHECK(registry.requests().size() == 1);
}

TEST_CASE_FIXTURE(FaultFixture, "client: a proxy is asked for everything, if one is given") {
  // Nobody can find this host; the proxy is told its name and answers for it.
  const std::string host = "registry.invalid";
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    FaultRequest direct = request;
    const std::string prefix = "http://" + host;
    CHECK(request.target.starts_with(prefix + "/v2/team/app/"));
    direct.target = request.target.substr(std::min(prefix.size(), request.target.size()));
    return registry.honest(direct);
  });
  auto options = fast();
  options.hosts[host] = {.plain_http = true, .proxy = "http://" + registry.address()};
  RegistryClient client(options);
  const auto behind = Reference::parse(host + "/team/app:1");
  const Image pulled = oci::pull(client, store, behind, amd64);
  CHECK(pulled.descriptor.digest == image.manifest.digest());
  CHECK(registry.requests().size() == 4);
}

TEST_CASE_FIXTURE(FaultFixture, "client: connections are used again") {
  // The pull's five requests come over at most two connections besides the first.
  amd64.parallel_downloads = 2;
  RegistryClient client(fast());
  for (int i = 0; i < 10; ++i) client.fetch_manifest(reference());
  CHECK(registry.requests().size() == 10);
  CHECK(registry.connection_count() == 1);
}

TEST_CASE("client: options that make no sense") {
  RegistryClientOptions options;
  options.retry.attempts = 0;
  check_error(Errc::invalid_argument, {"retry.attempts"}, [&] { RegistryClient{options}; });
}
