// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/token_request.hpp"

#include <doctest/doctest.h>

#include "oci/auth/token_scope.hpp"
#include "support/errors.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

// 2026-11-22T06:00:00Z
const std::chrono::system_clock::time_point morning{std::chrono::seconds(1795327200)};
const std::string date = "Sun, 22 Nov 2026 06:00:00 GMT";

/// How long a token lives, in seconds.
long long lifetime(const std::string& fields, const std::string& server_date = {},
                   std::chrono::system_clock::time_point now = morning) {
  return parse_token("{\"token\":\"T\"" + fields + '}', "token", server_date, now).lifetime.count();
}

std::string issued(const std::string& at, int expires_in = 300) {
  return ",\"expires_in\":" + std::to_string(expires_in) + ",\"issued_at\":\"" + at + '"';
}

}  // namespace

TEST_CASE("token: how long it lives when little is told") {
  CHECK(lifetime("") == 60);
  CHECK(lifetime(",\"expires_in\":0") == 60);
  CHECK(lifetime(",\"expires_in\":null,\"issued_at\":null") == 60);
  CHECK(lifetime(",\"expires_in\":300") == 300);
  CHECK(lifetime(",\"expires_in\":1") == 1);
  CHECK(lifetime(",\"expires_in\":9223372036854775807") == 86400);
  CHECK(lifetime(issued("2026-11-22T06:00:00Z", 0)) == 60);
  for (const char* nonsense :
       {"", "yesterday", "2026-11-22", "2026-11-22T06:00:00", "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "2026-11-22T06:00:00+1", "-026-11-22T06:00:00Z",
        "2026-11-22T06:00:0", "2026-11-22T06:00:00.", "0000-00-00T00:00:00Z",
        "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}) {
    CAPTURE(nonsense);
    CHECK(lifetime(issued(nonsense)) == 300);
  }
  CHECK(lifetime(",\"expires_in\":300,\"issued_at\":7") == 300);
}

TEST_CASE("token: one that was issued a while ago has lived a part of its life") {
  CHECK(lifetime(issued("2026-11-22T05:58:00Z")) == 180);
  CHECK(lifetime(issued("2026-11-22T05:58:00.123456789Z")) == 180);
  CHECK(lifetime(issued("2026-11-22t07:58:00+02:00")) == 180);
  CHECK(lifetime(issued("2026-11-22T00:28:00.5-05:30")) == 180);
  // In the future, or dead already: clocks that disagree.
  CHECK(lifetime(issued("2026-11-22T06:05:00Z")) == 300);
  CHECK(lifetime(issued("2026-11-22T05:55:00Z")) == 300);
  CHECK(lifetime(issued("2020-11-22T05:55:00Z")) == 300);
}

TEST_CASE("token: its age is told by the server's clock, where there is one") {
  const auto wrong = morning + std::chrono::hours(24 * 365);
  CHECK(lifetime(issued("2026-11-22T05:58:00Z"), date, wrong) == 180);
  CHECK(lifetime(issued("2026-11-22T05:58:00Z"), "nonsense", morning) == 180);
  CHECK(lifetime(issued("2026-11-22T05:58:00Z"), "Mon, 01 Jan 9999 00:00:00 GMT", morning) == 300);
}

TEST_CASE("token: its fields") {
  const auto token = [](const std::string& json) {
    return parse_token(json, "token", "", morning);
  };
  CHECK(token(R"({"token":"a","access_token":"b","refresh_token":"r"})").value == "a");
  CHECK(token(R"({"token":"a","refresh_token":"r"})").refresh_token == "r");
  CHECK(token(R"({"token":null,"access_token":"b"})").value == "b");
  for (const char* bad : {"", "[]", "{}", R"({"token":""})", R"({"token":"a b"})", R"({"token":7})",
                          R"({"token":"\u00e4"})", R"({"token":"a","expires_in":-1})",
                          R"({"token":"a","expires_in":"60"})", R"({"token":"a","token":"b"})"}) {
    CAPTURE(bad);
    check_error(Errc::data_corruption, {"token"}, [&] { token(bad); });
  }
}

TEST_CASE("token scope: lists are merged by resource") {
  using List = std::vector<std::string>;
  CHECK(merged_scopes("", "") == List{});
  CHECK(merged_scopes("repository:a:pull", "") == List{"repository:a:pull"});
  CHECK(merged_scopes("repository:a:pull", "repository:a:pull") == List{"repository:a:pull"});
  CHECK(merged_scopes("repository:a:pull", "repository:a:push,pull") ==
        List{"repository:a:pull,push"});
  CHECK(merged_scopes("repository:a:pull,push  repository:b:pull", "repository:a:pull") ==
        List{"repository:a:pull,push", "repository:b:pull"});
  CHECK(merged_scopes("repository:h:5000/a:pull", "repository:h:5000/b:pull registry:catalog:*") ==
        List{"repository:h:5000/a:pull", "repository:h:5000/b:pull", "registry:catalog:*"});
  CHECK(merged_scopes("x", "x y") == List{"x", "y"});
  CHECK(merged_scopes("repository:a:", "repository:a:pull").size() == 1);
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "repository:r" + std::to_string(i) + ":pull ";
  CHECK(merged_scopes("repository:a:pull", many).size() == 17);
}

TEST_CASE("token scope: the repository whose credential is asked for") {
  CHECK(repository_of_scope("repository:library/alpine:pull") == "library/alpine");
  CHECK(repository_of_scope("repository:a:pull,push repository:b:pull") == "a");
  CHECK(repository_of_scope("registry:catalog:*").empty());
  CHECK(repository_of_scope("").empty());
}
