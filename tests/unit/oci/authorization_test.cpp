// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include "token_fixture.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(FaultFixture, "authorization: basic credentials: none, bad, good") {
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.header("authorization") == user_secret) return std::nullopt;
    return FaultResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
  });
  check_error(Errc::unauthenticated,
              {"needs a user name and password", "none were given", registry.address()},
              [&] { pull(); });
  CHECK(registry.requests().size() == 1);

  const auto with = [&](const Credential& credential) {
    registry.forget_requests();
    auto options = fast();
    options.credentials = std::make_shared<GivenCredentials>(
        std::map<std::string, Credential>{{registry.address(), credential}});
    return options;
  };
  check_error(Errc::unauthenticated, {"were refused", "401"}, [&] {
    pull(with({"user", "wrong"}));
  });
  CHECK(registry.requests().size() == 2);
  check_error(Errc::unauthenticated, {"only an identity token"},
              [&] { pull(with({.identity_token = "I"})); });
  CHECK(registry.requests().size() == 1);
  check_error(Errc::invalid_argument, {"user name"}, [&] { pull(with({"us:er", "x"})); });
  check_nothing_visible();

  pull(with({"user", "secret"}));
  check_complete();
  CHECK(registry.requests().size() == 5);  // one 401 for the whole pull
}

TEST_CASE_FIXTURE(FaultFixture, "authorization: a 401 without a challenge") {
  registry.set_handler([](const FaultRequest&) { return FaultResponse{.status = 401}; });
  check_error(Errc::unauthenticated, {"without saying which credentials"}, [&] { pull(); });
  CHECK(registry.requests().size() == 1);
  check_nothing_visible();
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: anonymous, one token for a whole pull, by GET") {
  pull();
  check_complete();
  CHECK(registry.requests().size() == 6);
  const auto asked = token_requests();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].method == "GET");
  CHECK(asked[0].target == "/token?service=s%20v&scope=repository%3Ateam%2Fapp%3Apull");
  CHECK(asked[0].header("authorization").empty());
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: a password, one token for a whole pull, by POST") {
  pull(with_password());
  check_complete();
  CHECK(registry.requests().size() == 6);
  const auto asked = token_requests();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].method == "POST");
  CHECK(asked[0].target == "/token");
  CHECK(asked[0].header("authorization").empty());
  CHECK(asked[0].header("content-type") == "application/x-www-form-urlencoded");
  CHECK(url_fields(asked[0].body) == UrlFields{{"grant_type", "password"},
                                               {"access_type", "offline"},
                                               {"client_id", "vmkit"},
                                               {"service", "s v"},
                                               {"scope", "repository:team/app:pull"},
                                               {"username", "user"},
                                               {"password", "secret"}});
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: a server without POST is asked by GET, for good") {
  FaultResponse refusal{};
  SUBCASE("404") {
    refusal.status = 404;
  }
  SUBCASE("405") {
    refusal.status = 405;
  }
  SUBCASE("501") {
    refusal.status = 501;
  }
  SUBCASE("400, in no words of OAuth2") {
    refusal.status = 400;
  }
  SUBCASE("400, unsupported_grant_type") {
    refusal = json(R"({"error":"unsupported_grant_type"})", 400);
  }
  SUBCASE("401") {
    refusal.status = 401;
  }
  token_server = [&](const FaultRequest& request) {
    return request.method == "POST" ? refusal : json(R"({"token":"T"})");
  };
  RegistryClient client(with_password());
  client.fetch_manifest(reference());
  client.fetch_manifest(Reference::parse(registry.address() + "/team/other:1"));
  const auto asked = token_requests();
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].method == "POST");
  CHECK(asked[1].target == "/token?service=s%20v&scope=repository%3Ateam%2Fapp%3Apull");
  CHECK(asked[1].header("authorization") == user_secret);
  CHECK(asked[2].target == "/token?service=s%20v&scope=repository%3Ateam%2Fother%3Apull");
}

TEST_CASE_FIXTURE(TokenRegistry,
                  "authorization: scopes of ours and of the challenge, each its own") {
  challenge_extra =
      ",scope=\"repository:other/app:pull repository:team/app:pull,push registry:catalog:*\"";
  SUBCASE("several parameters by GET") {
    pull();
    const auto asked = token_requests();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].target ==
          "/token?service=s%20v&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"
          "&scope=repository%3Aother%2Fapp%3Apull&scope=registry%3Acatalog%3A%2A");
  }
  SUBCASE("one list by POST") {
    pull(with_password());
    const auto asked = token_requests();
    REQUIRE(asked.size() == 1);
    CHECK(url_fields(asked[0].body).find("scope")->second ==
          "repository:team/app:pull,push repository:other/app:pull registry:catalog:*");
  }
  check_complete();
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: access_token, and times that make no sense") {
  token_server = [](const FaultRequest&) {
    return json(R"({"access_token":"T","expires_in":300,"issued_at":"yesterday"})");
  };
  pull();
  check_complete();
  CHECK(token_requests().size() == 1);
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: threads that need the same token fetch one") {
  RegistryClient client(with_password());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { CHECK_NOTHROW(client.fetch_manifest(reference())); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(token_requests().size() == 1);
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: threads share a refusal") {
  // Nobody is asked for a token before all threads have come, and a server of its own lets them
  // wait together for what it says.
  constexpr int thread_count = 6;
  FaultRegistry tokens;
  tokens.set_handler([&](const FaultRequest&) {
    std::this_thread::sleep_for(400ms);
    return json(R"({"error":"invalid_grant"})", 400);
  });
  realm = "http://" + tokens.address() + "/token";
  registry.set_handler([&](const FaultRequest&) {
    while (registry.requests().size() < thread_count) std::this_thread::sleep_for(1ms);
    return FaultResponse{.status = 401,
                         .headers = {{"WWW-Authenticate", "Bearer realm=\"" + realm + '"'}}};
  });
  auto options = with_password();
  options.stall_timeout = 10s;
  RegistryClient client(options);
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back([&] {
      check_error(Errc::unauthenticated, {"were refused"},
                  [&] { client.fetch_manifest(reference()); });
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(tokens.requests().size() == 1);
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: a token is renewed before it expires") {
  int given = 0;
  token_server = [&](const FaultRequest&) {
    accepted = "Bearer T" + std::to_string(++given);
    return json("{\"token\":\"T" + std::to_string(given) + "\",\"expires_in\":2}");
  };
  RegistryClient client(fast());
  client.fetch_manifest(reference());
  client.fetch_manifest(reference());
  CHECK(given == 1);
  std::this_thread::sleep_for(1850ms);
  client.fetch_manifest(reference());
  CHECK(given == 2);
  // Nobody was shown the old token then: manifest, token, manifest; manifest; token, manifest.
  CHECK(registry.requests().size() == 6);
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: a token that is revoked is renewed once") {
  RegistryClient client(fast());
  client.fetch_manifest(reference());
  token_server = [](const FaultRequest&) { return json(R"({"token":"U"})"); };
  accepted = "Bearer U";
  registry.forget_requests();
  client.fetch_manifest(reference());
  CHECK(registry.requests().size() == 3);
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: a good token that is refused does not loop") {
  accepted = "never";
  check_error(Errc::unauthenticated, {"401", "none were given", "no such repository"},
              [&] { pull(); });
  CHECK(registry.requests().size() == 3);
  CHECK(token_requests().size() == 1);
  registry.forget_requests();
  check_error(Errc::unauthenticated, {"401", "were refused"}, [&] { pull(with_password()); });
  CHECK(registry.requests().size() == 3);
  check_nothing_visible();
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: a token refused in the middle of a pull") {
  int blobs = 0;
  registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
    if (request.target.starts_with("/token")) return json(R"({"token":"T"})");
    const bool refuse =
        request.header("authorization").empty() || (request.is_blob() && ++blobs > 1);
    if (!refuse) return std::nullopt;
    return FaultResponse{.status = 401,
                         .headers = {{"WWW-Authenticate", "Bearer realm=\"" + realm + '"'}}};
  });
  amd64.parallel_downloads = 1;
  check_error(Errc::unauthenticated, {"401"}, [&] { pull(); });
  // Manifest twice, configuration, layer twice; a token for the first and one for the last.
  CHECK(registry.requests().size() == 7);
  CHECK(token_requests().size() == 2);
  check_nothing_visible();
}

TEST_CASE_FIXTURE(TokenRegistry, "authorization: no token") {
  const auto answers = [&](FaultResponse response) {
    token_server = [response = std::move(response)](const FaultRequest&) { return response; };
  };
  SUBCASE("a password refused by OAuth2") {
    answers(json(R"({"error":"invalid_grant"})", 400));
    check_error(Errc::unauthenticated, {"token for", "were refused"},
                [&] { pull(with_password()); });
    CHECK(token_requests().size() == 1);
  }
  SUBCASE("a password refused with 401: it could be one that knows no POST") {
    answers({.status = 401});
    check_error(Errc::unauthenticated, {"token for", "were refused"},
                [&] { pull(with_password()); });
    CHECK(token_requests().size() == 2);
  }
  SUBCASE("a password needed") {
    answers({.status = 401});
    check_error(Errc::unauthenticated, {"token for", "none were given"}, [&] { pull(); });
    CHECK(token_requests().size() == 1);
  }
  SUBCASE("not for us") {
    answers({.status = 403});
    check_error(Errc::permission_denied, {"token for", "403"}, [&] { pull(with_password()); });
    CHECK(token_requests().size() == 1);
  }
  SUBCASE("the token server is down") {
    answers({.status = 503});
    check_error(Errc::unavailable, {"token for", "503"}, [&] { pull(with_password()); });
    CHECK(token_requests().size() == 3);
  }
  SUBCASE("an answer without one") {
    answers(json("{}"));
    check_error(Errc::data_corruption, {"expected a token"}, [&] { pull(); });
  }
  SUBCASE("one that would break a header") {
    answers(json(R"({"token":"a\r\nX: y"})"));
    check_error(Errc::data_corruption, {"expected a token"}, [&] { pull(); });
  }
  SUBCASE("a page") {
    answers({.headers = {{"Content-Type", "text/html"}}, .body = "<html>"});
    check_error(Errc::data_corruption, {"token for", "not valid JSON"}, [&] { pull(); });
  }
  SUBCASE("one without end") {
    answers({.body = std::string(2'000'000, ' ')});
    check_error(Errc::data_corruption, {"token for", "1 MiB"}, [&] { pull(); });
  }
  check_nothing_visible();
}
