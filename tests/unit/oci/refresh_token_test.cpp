// SPDX-License-Identifier: Apache-2.0
#include "token_fixture.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

std::string field(const FaultRequest& request, const std::string& name) {
  const auto fields = url_fields(request.body);
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

/// A token server that gives a refresh token for a password.
struct RefreshRegistry : TokenRegistry {
  RefreshRegistry() {
    token_server = [this](const FaultRequest& request) {
      if (field(request, "grant_type") == "refresh_token") {
        if (field(request, "refresh_token") != good) {
          return json(R"({"error":"invalid_grant"})", 400);
        }
        return json(R"({"access_token":"T"})");
      }
      return json(R"({"access_token":"T","refresh_token":"R1"})");
    };
  }

  Reference other() const { return Reference::parse(registry.address() + "/team/other:1"); }

  std::string good = "R1";
};

}  // namespace

TEST_CASE_FIXTURE(RefreshRegistry, "refresh token: the password goes out once") {
  RegistryClient client(with_password());
  client.fetch_manifest(reference());
  client.fetch_manifest(other());
  const auto asked = token_requests();
  REQUIRE(asked.size() == 2);
  CHECK(field(asked[0], "grant_type") == "password");
  CHECK(url_fields(asked[1].body) == UrlFields{{"grant_type", "refresh_token"},
                                               {"refresh_token", "R1"},
                                               {"client_id", "vmkit"},
                                               {"service", "s v"},
                                               {"scope", "repository:team/other:pull"}});
}

TEST_CASE_FIXTURE(RefreshRegistry, "refresh token: one that is refused is forgotten") {
  RegistryClient client(with_password());
  client.fetch_manifest(reference());
  good = "another";
  client.fetch_manifest(other());
  const auto asked = token_requests();
  REQUIRE(asked.size() == 3);
  CHECK(field(asked[1], "grant_type") == "refresh_token");
  CHECK(field(asked[2], "grant_type") == "password");
}

TEST_CASE_FIXTURE(RefreshRegistry, "refresh token: it does not outlive its credential") {
  struct Changing : CredentialProvider {
    std::optional<Credential> credential = Credential{"user", "secret"};
    std::optional<Credential> find(const CredentialQuery&, const CallOptions&) override {
      return credential;
    }
  };
  const auto provider = std::make_shared<Changing>();
  auto options = fast();
  options.credentials = provider;
  RegistryClient client(options);
  client.fetch_manifest(reference());
  SUBCASE("another user") {
    provider->credential = Credential{"somebody", "else"};
    client.fetch_manifest(other());
    REQUIRE(token_requests().size() == 2);
    CHECK(field(token_requests()[1], "username") == "somebody");
  }
  SUBCASE("logged out") {
    provider->credential.reset();
    client.fetch_manifest(other());
    REQUIRE(token_requests().size() == 2);
    CHECK(token_requests()[1].method == "GET");
    CHECK(token_requests()[1].header("authorization").empty());
  }
}

TEST_CASE_FIXTURE(RefreshRegistry, "refresh token: an identity token is one from the beginning") {
  SUBCASE("good") {
    pull(with({.username = "user", .identity_token = "R1"}));
    check_complete();
    REQUIRE(token_requests().size() == 1);
    CHECK(field(token_requests()[0], "grant_type") == "refresh_token");
    CHECK(field(token_requests()[0], "refresh_token") == "R1");
    return;
  }
  SUBCASE("refused") {
    check_error(Errc::unauthenticated, {"token for", "were refused"},
                [&] { pull(with({.identity_token = "bad"})); });
    CHECK(token_requests().size() == 1);
  }
  SUBCASE("not known there") {
    knows_post = false;
    check_error(Errc::unsupported, {"405", "takes no identity tokens"},
                [&] { pull(with({.identity_token = "R1"})); });
    CHECK(token_requests().size() == 1);
  }
  check_nothing_visible();
}
