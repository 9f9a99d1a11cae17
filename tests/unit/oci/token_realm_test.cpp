// SPDX-License-Identifier: Apache-2.0
#include "token_fixture.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

struct Case {
  const char* registry;
  bool plain_http;
  const char* scheme;
  const char* host;
  const char* port;
  bool anonymous;
  bool with_credential;
};

const Case cases[] = {
    // The registry's own host, over no weaker a scheme.
    {"ghcr.io", false, "https", "ghcr.io", "443", true, true},
    {"quay.io", false, "https", "quay.io", "443", true, true},
    {"R.example:5000", false, "https", "r.example", "5001", true, true},
    {"[::1]:5000", false, "https", "[::1]", "443", true, true},
    {"ghcr.io", false, "http", "ghcr.io", "80", false, false},
    {"localhost:5000", true, "http", "localhost", "5001", true, true},
    {"localhost:5000", true, "https", "localhost", "443", true, true},
    // Well-known pairs, as they are and nothing near them.
    {"registry-1.docker.io", false, "https", "auth.docker.io", "443", true, true},
    {"registry.gitlab.com", false, "https", "gitlab.com", "443", true, true},
    {"docker.elastic.co", false, "https", "docker-auth.elastic.co", "443", true, true},
    {"registry.digitalocean.com", false, "https", "api.digitalocean.com", "443", true, true},
    {"registry-1.docker.io", false, "https", "auth.docker.io", "8443", true, false},
    {"registry-1.docker.io:8443", false, "https", "auth.docker.io", "443", true, false},
    {"registry-1.docker.io", true, "https", "auth.docker.io", "443", true, false},
    {"registry-1.docker.io", false, "http", "auth.docker.io", "80", false, false},
    {"registry-1.docker.io", false, "https", "auth.docker.io.evil.example", "443", true, false},
    {"registry-1.docker.io", false, "https", "docker.io", "443", true, false},
    {"auth.docker.io", false, "https", "registry-1.docker.io", "443", true, false},
    // Strangers, relatives among them.
    {"r.example", false, "https", "auth.example", "443", true, false},
    {"r.example", false, "https", "auth.r.example", "443", true, false},
    {"a.r.example", false, "https", "r.example", "443", true, false},
    {"r.example", false, "http", "auth.example", "80", false, false},
    {"localhost:5000", true, "http", "127.0.0.1", "5001", false, false},
};

}  // namespace

TEST_CASE("token realm: what is allowed without a policy of one's own") {
  for (const Case& one : cases) {
    CAPTURE(one.registry);
    CAPTURE(one.host);
    CAPTURE(one.port);
    TokenRealm realm{.registry = one.registry,
                     .registry_plain_http = one.plain_http,
                     .scheme = one.scheme,
                     .host = one.host,
                     .port = one.port};
    CHECK(default_token_realm_policy(realm) == one.anonymous);
    realm.with_credential = true;
    CHECK(default_token_realm_policy(realm) == one.with_credential);
  }
  CHECK_FALSE(default_token_realm_policy({.registry = "", .scheme = "https"}));
}

TEST_CASE_FIXTURE(TokenRegistry, "token realm: a policy of one's own decides") {
  FaultRegistry elsewhere;
  elsewhere.set_handler([](const FaultRequest&) { return json(R"({"token":"T"})"); });
  const std::string port = elsewhere.address().substr(elsewhere.address().find(':') + 1);
  realm = "http://LOCALHOST:" + port + "/token";

  // Another host: not by default, and nobody is asked.
  check_error(Errc::permission_denied,
              {"http://localhost:" + port, "with the credentials", "token realm policy"},
              [&] { pull(with_password()); });
  check_error(Errc::permission_denied, {"http://localhost:" + port, "token realm policy"},
              [&] { pull(); });
  CHECK(elsewhere.requests().empty());
  check_nothing_visible();

  std::vector<TokenRealm> asked;
  bool answer = false;
  auto options = with_password();
  options.token_realm_policy = [&](const TokenRealm& one) {
    asked.push_back(one);
    return answer;
  };
  check_error(Errc::permission_denied, {"token realm policy"}, [&] { pull(options); });
  CHECK(elsewhere.requests().empty());
  answer = true;
  pull(options);
  check_complete();
  CHECK(elsewhere.requests().size() == 1);
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].registry == registry.address());
  CHECK(asked[1].registry_plain_http);
  CHECK(asked[1].url == realm);
  CHECK(asked[1].scheme == "http");
  CHECK(asked[1].host == "localhost");
  CHECK(asked[1].port == port);
  CHECK(asked[1].with_credential);
}

TEST_CASE_FIXTURE(TokenRegistry, "token realm: one that is none") {
  for (const char* bad :
       {"file:///etc/passwd", "token", "//x/y", "https://user:pw@x/y", "https://"}) {
    CAPTURE(bad);
    realm = bad;
    check_error(Errc::data_corruption, {"names a token realm that is not an http URL"},
                [&] { pull(with_password()); });
  }
  CHECK(token_requests().empty());
  check_nothing_visible();
}
