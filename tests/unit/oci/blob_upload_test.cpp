// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <doctest/doctest.h>
#include <thread>

#include "push_fixture.hpp"

#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

namespace {

const TestBlob blob = noise_layer(3'000'000, 1);
const BlobUploadOptions pieces{.chunk_size = ByteSize(1'000'000)};

FaultResponse status(int code) {
  return {.status = code, .body = "<html>no</html>"};
}

/// Takes only `bytes` of the first body of a request with this method.
auto once(const std::string& method, const FaultBody& plan) {
  const auto done = std::make_shared<std::atomic<bool>>(false);
  return [=](const FaultRequest& request) {
    return request.method == method && !done->exchange(true) ? plan : FaultBody{};
  };
}

}  // namespace

TEST_CASE_FIXTURE(PushFixture, "upload: whole, in pieces, and not again") {
  SUBCASE("whole") {
    CHECK(push_blob(blob) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PUT");
  }
  SUBCASE("in pieces") {
    CHECK(push_blob(blob, pieces) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PATCH PATCH PATCH PUT");
    CHECK(registry.requests()[3].header("content-range") == "1000000-1999999");
  }
  SUBCASE("in larger pieces, as the registry wants") {
    fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method != "POST") return std::nullopt;
      auto response = server.answer(request);
      response.headers.emplace_back("OCI-Chunk-Min-Length", "1600000");
      return response;
    };
    CHECK(push_blob(blob, pieces) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PATCH PATCH PUT");
  }
  CHECK(stored("app", blob) == blob.content);
  CHECK(server.sessions.empty());
  // The query that the Location came with is kept.
  CHECK(registry.requests().back().target.find("?s=a%2Fb&digest=sha256%3A") != std::string::npos);
  registry.forget_requests();
  CHECK(push_blob(blob) == BlobUpload::existed);
  CHECK(methods() == "HEAD");
}

TEST_CASE_FIXTURE(PushFixture, "upload: mounted, or begun where the mount was refused") {
  const BlobUploadOptions from{.mount_from = at("base")};
  SUBCASE("mounted") {
    server.blobs["base/" + blob.digest().to_string()] = blob.content;
    CHECK(push_blob(blob, from) == BlobUpload::mounted);
    CHECK(methods() == "HEAD POST");
    CHECK(registry.requests()[1].target.find("&from=base") != std::string::npos);
  }
  SUBCASE("it is not there: the answer has begun an upload") {
    CHECK(push_blob(blob, from) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PUT");
  }
  SUBCASE("not allowed: an upload is begun") {
    fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.target.find("mount=") == std::string::npos) return std::nullopt;
      return status(403);
    };
    CHECK(push_blob(blob, from) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST POST PUT");
  }
  CHECK(stored("app", blob) == blob.content);
  check_error(Errc::invalid_argument, {"mount_from", "example.com"},
              [&] { push_blob(blob, {.mount_from = Reference::parse("example.com/base")}); });
}

TEST_CASE_FIXTURE(PushFixture, "upload: what breaks goes on where the registry says") {
  SUBCASE("the whole, cut in its middle") {
    registry.set_body_plan(once("PUT", {.cut_after = 1'200'000}));
    CHECK(push_blob(blob) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PUT GET PATCH PUT");
    CHECK(registry.requests()[4].header("content-range") == "1200000-2999999");
  }
  SUBCASE("a piece, cut in its middle") {
    registry.set_body_plan(once("PATCH", {.cut_after = 300'000}));
    CHECK(push_blob(blob, pieces) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PATCH GET PATCH PATCH PATCH PUT");
    CHECK(registry.requests()[4].header("content-range") == "300000-1299999");
  }
  SUBCASE("416 for a piece that arrived although nobody said so") {
    auto left = std::make_shared<int>(1);
    fault = [&, left](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method != "PATCH" || --*left != 0) return std::nullopt;
      server.answer(request);
      return status(416);
    };
    CHECK(push_blob(blob, pieces) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PATCH GET PATCH PATCH PUT");
  }
  SUBCASE("half of a piece taken") {
    auto left = std::make_shared<int>(1);
    fault = [&, left](FaultRequest request) -> std::optional<FaultResponse> {
      if (request.method != "PATCH" || --*left != 0) return std::nullopt;
      request.body.resize(500'000);
      return server.answer(request);
    };
    CHECK(push_blob(blob, pieces) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PATCH PATCH PATCH PATCH PUT");
  }
  CHECK(stored("app", blob) == blob.content);
  CHECK(server.sessions.empty());
}

TEST_CASE_FIXTURE(PushFixture, "upload: what cannot go on starts over") {
  SUBCASE("the registry forgot the upload") {
    fault = [&, lost = false](const FaultRequest& request) mutable -> std::optional<FaultResponse> {
      if (request.method == "PATCH" && server.sessions["1"].size() == 1'000'000 && !lost) {
        lost = true;
        server.sessions.erase("1");
      }
      return std::nullopt;
    };
    CHECK(push_blob(blob, pieces) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PATCH PATCH POST PATCH PATCH PATCH PUT");
  }
  SUBCASE("it cannot tell how much arrived") {
    registry.set_body_plan(once("PUT", {.cut_after = 1'200'000}));
    fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method == "GET") return status(405);
      return std::nullopt;
    };
    CHECK(push_blob(blob) == BlobUpload::uploaded);
    CHECK(methods() == "HEAD POST PUT GET DELETE POST PUT");
  }
  CHECK(stored("app", blob) == blob.content);
}

TEST_CASE_FIXTURE(PushFixture, "upload: what never works ends, and leaves nothing behind") {
  SUBCASE("every piece is out of step") {
    fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method == "PATCH") return status(416);
      return std::nullopt;
    };
    check_error(Errc::data_corruption, {"after 3 attempts", "416", "blob sha256:"},
                [&] { push_blob(blob, pieces); });
  }
  SUBCASE("503 for ever") {
    fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method == "PUT") return status(503);
      return std::nullopt;
    };
    check_error(Errc::unavailable, {"after 3 attempts", "503"}, [&] { push_blob(blob); });
  }
  SUBCASE("another digest is announced") {
    fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method != "PUT") return std::nullopt;
      server.sessions.clear();
      return FaultResponse{.status = 201,
                           .headers = {{"Docker-Content-Digest", digest_of("other").to_string()}}};
    };
    check_error(Errc::data_corruption,
                {"expected the digest " + blob.digest().to_string(), digest_of("other").hex()},
                [&] { push_blob(blob); });
  }
  SUBCASE("more is said to have arrived than was sent") {
    fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method != "PATCH") return std::nullopt;
      return FaultResponse{.status = 202, .headers = {{"Range", "0-99999999"}}};
    };
    check_error(Errc::data_corruption, {"bytes 0 to 999999", "\"0-99999999\""},
                [&] { push_blob(blob, pieces); });
  }
  SUBCASE("nothing is said about where") {
    fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method == "POST") return status(202);
      return std::nullopt;
    };
    check_error(Errc::data_corruption, {"without saying where", "Location"},
                [&] { push_blob(blob); });
  }
  SUBCASE("the content is shorter than its descriptor") {
    Descriptor longer = descriptor_of(blob);
    longer.size = ByteSize(blob.content.size() + 1);
    check_error(Errc::data_corruption, {"ended after 3000000 of 3000001 bytes"},
                [&] { client.push_blob(at("app"), longer, opener_of(blob)); });
  }
  SUBCASE("refused") {
    fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method == "POST") return status(403);
      return std::nullopt;
    };
    check_error(Errc::permission_denied, {"403", "/app"}, [&] { push_blob(blob); });
    CHECK(methods() == "HEAD POST");
  }
  CHECK(server.blobs.empty());
  CHECK(server.sessions.empty());
}

TEST_CASE_FIXTURE(PushFixture, "upload: to another host, without credentials") {
  PushFixture storage;
  std::string location = "http://" + storage.registry.address() + "/v2/x/blobs/uploads/1?sig=s";
  storage.server.sessions["1"];
  fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.header("authorization").empty()) {
      return FaultResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
    }
    if (request.method != "POST") return std::nullopt;
    return FaultResponse{.status = 202, .headers = {{"Location", location}}};
  };
  auto options = fast();
  options.credentials = std::make_shared<GivenCredentials>(
      std::map<std::string, Credential>{{registry.address(), {"user", "secret"}}});
  client = RegistryClient(options);
  SUBCASE("whole") {
    CHECK(push_blob(blob) == BlobUpload::uploaded);
  }
  SUBCASE("in pieces") {
    CHECK(push_blob(blob, pieces) == BlobUpload::uploaded);
  }
  SUBCASE("which wants credentials too") {
    storage.fault = [](const FaultRequest&) { return status(401); };
    check_error(Errc::unauthenticated, {storage.registry.address(), "401"},
                [&] { push_blob(blob); });
    CHECK(storage.registry.requests().size() == 1);
  }
  SUBCASE("which is no web address") {
    location = "ftp://example.com/x";
    check_error(Errc::data_corruption, {"Location", "no http URL"}, [&] { push_blob(blob); });
  }
  for (const FaultRequest& request : storage.registry.requests()) {
    CHECK(request.header("authorization").empty());
    CHECK(request.target.find("sig=s") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(PushFixture, "upload: redirected, with the body sent again") {
  PushFixture storage;
  storage.server.sessions["7"];
  fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.method != "PUT") return std::nullopt;
    const std::string query = request.target.substr(request.target.find("&digest"));
    return FaultResponse{.status = 307,
                         .headers = {{"Location", "http://" + storage.registry.address() +
                                                      "/v2/x/blobs/uploads/7?a=b" + query}}};
  };
  SUBCASE("after it was read") {}
  SUBCASE("before") {
    registry.set_body_plan(
        [](const FaultRequest& request) { return FaultBody{.unread = request.method == "PUT"}; });
  }
  CHECK(push_blob(blob) == BlobUpload::uploaded);
  CHECK(storage.stored("x", blob) == blob.content);
}

TEST_CASE_FIXTURE(PushFixture, "upload: a registry that stops reading is stalled") {
  const TestBlob large = noise_layer(20'000'000, 5);
  registry.set_body_plan([](const FaultRequest& request) {
    FaultBody plan;
    if (request.method == "PUT") plan.stall_after = 1000;
    return plan;
  });
  const auto start = std::chrono::steady_clock::now();
  SUBCASE("and given up") {
    auto options = fast();
    options.retry.attempts = 1;
    client = RegistryClient(options);
    check_error(Errc::unavailable, {"nothing sent or received for 400 ms"},
                [&] { push_blob(large); });
  }
  SUBCASE("and the call is cancelled meanwhile") {
    StopSource stop;
    std::chrono::steady_clock::time_point stopped;
    std::thread stopper([&] {
      std::this_thread::sleep_for(150ms);
      stopped = std::chrono::steady_clock::now();
      stop.request_stop();
    });
    check_error(Errc::cancelled, {"request to 127.0.0.1"},
                [&] { push_blob(large, {}, {.stop = stop.token()}); });
    stopper.join();
    CHECK(std::chrono::steady_clock::now() - stopped < 100ms);
  }
  CHECK(std::chrono::steady_clock::now() - start < 2s);
  CHECK(server.blobs.empty());
}
