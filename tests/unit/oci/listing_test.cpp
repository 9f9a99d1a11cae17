// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "push_fixture.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/media_type.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

FaultResponse page(const std::string& body, const std::string& next = {}) {
  FaultResponse response{.body = body};
  if (!next.empty()) response.headers = {{"Link", "<" + next + ">; rel=\"next\""}};
  return response;
}

std::string tags(const std::string& list) {
  return R"({"name":"app","tags":[)" + list + "]}";
}

}  // namespace

TEST_CASE_FIXTURE(PushFixture, "listing: page by page") {
  fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.target == "/v2/app/tags/list?n=1000") {
      return page(tags(R"("a","b")"), "/v2/app/tags/list?n=2&last=b");
    }
    if (request.target == "/v2/app/tags/list?n=2&last=b") return page(tags(""), "?last=c");
    if (request.target == "/v2/app/tags/list?last=c") return page(tags(R"("d")"));
    if (request.target == "/v2/none/tags/list?n=1000") return page(R"({"name":"x","tags":null})");
    return std::nullopt;
  };
  CHECK(client.list_tags(at("app")) == std::vector<std::string>{"a", "b", "d"});
  CHECK(registry.requests().size() == 3);
  CHECK(client.list_tags(at("none")).empty());
  check_error(Errc::not_found, {"tags of", "/other", "404"},
              [&] { client.list_tags(at("other")); });
}

TEST_CASE_FIXTURE(PushFixture, "listing: a circle, no end, another host, lies") {
  int number = 0;
  std::size_t requests = 1;
  Errc code = Errc::data_corruption;
  std::vector<std::string_view> words;
  SUBCASE("a page that leads to itself") {
    fault = [](const FaultRequest& request) { return page(tags("\"a\""), request.target); };
    words = {"page 1 leads back", "Link"};
  }
  SUBCASE("a circle") {
    fault = [&](const FaultRequest&) {
      return page(tags("\"a\""), "/v2/app/tags/list?at=" + std::to_string(++number % 3));
    };
    requests = 4;
    words = {"page 4 leads back"};
  }
  SUBCASE("no end") {
    fault = [&](const FaultRequest&) {
      return page(tags("\"a\""), "/v2/app/tags/list?at=" + std::to_string(++number));
    };
    requests = 1000;
    code = Errc::resource_exhausted;
    words = {"no end after 1000 pages"};
  }
  SUBCASE("too much") {
    std::string many = "\"a\"";
    for (int i = 1; i < 60'000; ++i) many += ",\"a\"";
    fault = [&, many](const FaultRequest&) {
      return page(tags(many), "/v2/app/tags/list?at=" + std::to_string(++number));
    };
    requests = 2;
    code = Errc::resource_exhausted;
    words = {"at most 100000 entries"};
  }
  SUBCASE("another host") {
    fault = [](const FaultRequest&) { return page(tags(""), "http://127.0.0.1:1/v2/app"); };
    words = {"expected the next page at", "elsewhere"};
  }
  SUBCASE("no tag at all") {
    fault = [](const FaultRequest&) { return page(tags(R"("..\u001b[2J")")); };
    words = {"tags", "found an entry that is no name"};
  }
  SUBCASE("no JSON") {
    fault = [](const FaultRequest&) { return page("<html>"); };
    words = {"tags of"};
  }
  SUBCASE("no end of one page") {
    fault = [](const FaultRequest&) { return page(std::string(5 << 20, ' ')); };
    words = {"at most 4 MiB"};
  }
  check_error(code, {"tags of"}, [&] {
    try {
      client.list_tags(at("app"));
    } catch (const Error& error) {
      for (const std::string_view word : words) {
        CAPTURE(error.what());
        CHECK(std::string_view(error.what()).find(word) != std::string_view::npos);
      }
      throw;
    }
  });
  CHECK(registry.requests().size() == requests);
}

TEST_CASE_FIXTURE(PushFixture, "listing: the catalog") {
  fault = [](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.target == "/v2/_catalog?n=1000") return page(R"({"repositories":["a/b","c"]})");
    return std::nullopt;
  };
  CHECK(client.catalog(registry.address()) == std::vector<std::string>{"a/b", "c"});
  check_error(Errc::invalid_argument, {"catalog", "no/registry"},
              [&] { client.catalog("no/registry"); });
  fault = [](const FaultRequest&) { return page(R"({"repositories":["../x"]})"); };
  check_error(Errc::data_corruption, {"repositories", "no name"},
              [&] { client.catalog(registry.address()); });
}

TEST_CASE_FIXTURE(PushFixture, "listing: referrers by the call, by the tag, and none") {
  const TestBlob note{std::string(media_type::oci_manifest), "{}"};
  const std::string list = R"({"schemaVersion":2,"mediaType":")" +
                           std::string(media_type::oci_index) + R"(","manifests":[)" +
                           note.descriptor(R"(,"artifactType":"application/x-note")") + "," +
                           note.descriptor(R"(,"artifactType":"application/x-other")") + "]}";
  const Digest digest = digest_of("subject");
  const auto subject = at("app").with_digest(digest);
  SUBCASE("by the call, which does not filter") {
    fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.target.find("/referrers/") == std::string::npos) return std::nullopt;
      return page(list);
    };
    CHECK(client.referrers(subject).size() == 2);
    CHECK(client.referrers(subject, "application/x-note").size() == 1);
    REQUIRE(registry.requests().size() == 2);
    CHECK(registry.requests()[1].target ==
          "/v2/app/referrers/" + digest.to_string() + "?artifactType=application%2Fx-note");
  }
  SUBCASE("by the tag") {
    server.manifests["sha256-" + digest.hex()] = list;
    CHECK(client.referrers(subject).size() == 2);
    CHECK(client.referrers(subject, "application/x-other").size() == 1);
  }
  SUBCASE("none") {
    CHECK(client.referrers(subject).empty());
    CHECK(registry.requests().size() == 2);
  }
  SUBCASE("not allowed") {
    fault = [](const FaultRequest&) { return FaultResponse{.status = 403}; };
    check_error(Errc::permission_denied, {"referrers of", "403"},
                [&] { client.referrers(subject); });
  }
  SUBCASE("of a tag") {
    check_error(Errc::invalid_argument, {"with a digest"}, [&] { client.referrers(at("app:1")); });
  }
}

TEST_CASE_FIXTURE(PushFixture, "listing: what is pushed with a subject is among its referrers") {
  const Digest digest = digest_of("subject");
  const auto subject = at("app").with_digest(digest);
  const std::string note =
      R"({"schemaVersion":2,"mediaType":")" + std::string(media_type::oci_index) +
      R"(","manifests":[],"artifactType":"application/x-note","subject":)" +
      TestBlob{std::string(media_type::oci_manifest), "subject"}.descriptor() + "}";
  const auto push_note = [&] {
    client.push_manifest(at("app").with_digest(digest_of(note)), std::string(media_type::oci_index),
                         note);
  };
  const std::string tag = "sha256-" + digest.hex();
  const auto is_listing = [&](const FaultRequest& request) {
    return request.method == "PUT" && request.target.ends_with(tag);
  };
  SUBCASE("by the registry") {
    fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.method != "PUT") return std::nullopt;
      return FaultResponse{.status = 201, .headers = {{"OCI-Subject", digest.to_string()}}};
    };
    push_note();
    CHECK(registry.requests().size() == 1);
  }
  SUBCASE("by the tag, and again where another push undid it") {
    int undone = 0;
    fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (!is_listing(request) || undone++ > 0) return std::nullopt;
      return FaultResponse{.status = 201};
    };
    push_note();
    CHECK(client.referrers(subject, "application/x-note").size() == 1);
  }
  SUBCASE("by the tag, which never keeps it") {
    fault = [&](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (!is_listing(request)) return std::nullopt;
      return FaultResponse{.status = 201};
    };
    check_error(Errc::unavailable, {"referrers", tag, "push again"}, push_note);
  }
  SUBCASE("by the tag, which leads to something else") {
    server.manifests[tag] = R"({"schemaVersion":2,"layers":[]})";
    check_error(Errc::data_corruption, {"referrers"}, push_note);
  }
}
