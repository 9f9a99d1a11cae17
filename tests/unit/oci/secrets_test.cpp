// SPDX-License-Identifier: Apache-2.0
// No secret in what is logged or thrown, however loudly a server repeats it.
#include "oci/auth/base64.hpp"
#include "oci/http/http.hpp"
#include "token_fixture.hpp"

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

const std::string password = "pa/ss+wo?rd \"quoted\\";
const std::string identity_token = "identity+token/0123456789";
const std::string bearer_token = "bearer-token-0123456789";
const std::string refresh_token = "refresh-token-0123456789";
const std::string signature = "signature-of-a-url";

std::string json_text(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

/// An error that repeats all that the request held, as it came and decoded.
FaultResponse echo(int status, const FaultRequest& request) {
  std::string text = request.target + ' ' + request.header("authorization") + ' ' + request.body;
  for (const auto& [name, value] : url_fields(request.body)) text += ' ' + value;
  const std::string shown = request.header("authorization");
  if (shown.starts_with("Basic ")) text += ' ' + base64_decode(shown.substr(6)).value();
  return TokenRegistry::json(
      "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"" + json_text(text) + "\"}]}", status);
}

struct SecretsFixture : TokenRegistry {
  std::shared_ptr<CollectingLog> log = std::make_shared<CollectingLog>();
  std::string thrown;

  /// Pulls, expects the error, and looks for secrets in all that there is to see.
  void check(Errc code, const Credential& credential) {
    auto options = with(credential);
    options.log = log;
    options.retry.attempts = 2;
    try {
      pull(options);
      FAIL_CHECK("nothing was thrown");
    } catch (const Error& error) {
      CHECK(to_string(error.code()) == to_string(code));
      thrown += error.what();
    }
    CHECK(log->text().find("status=") != std::string::npos);  // it does log
    const std::string seen = log->text() + thrown;
    CAPTURE(seen);
    std::vector<std::string> secrets = {password, identity_token, bearer_token, refresh_token,
                                        signature};
    for (const std::string& secret : std::vector<std::string>(secrets)) {
      secrets.push_back(base64_encode(secret));
      secrets.push_back(base64_encode("user:" + secret));
      secrets.push_back(percent_encode(secret));
    }
    for (const std::string& secret : secrets) {
      CAPTURE(secret);
      CHECK(seen.find(secret) == std::string::npos);
    }
    check_nothing_visible(false);
  }
};

}  // namespace

TEST_CASE_FIXTURE(SecretsFixture, "secrets: a token server that repeats what it was sent") {
  int status = 0;
  Errc code{};
  SUBCASE("401") {
    status = 401, code = Errc::unauthenticated;
  }
  SUBCASE("400") {
    status = 400, code = Errc::unauthenticated;
  }
  SUBCASE("403") {
    status = 403, code = Errc::permission_denied;
  }
  SUBCASE("500, with retries that are logged") {
    status = 500, code = Errc::unavailable;
  }
  token_server = [&](const FaultRequest& request) { return echo(status, request); };
  check(code, {"user", password});
  check(code, {.identity_token = identity_token});
  knows_post = false;
  check(code, {"user", password});
  CHECK(thrown.find("DENIED") != std::string::npos);  // the rest of the message is shown
}

TEST_CASE_FIXTURE(SecretsFixture, "secrets: a registry that repeats what it was sent") {
  int status = 0;
  Errc code{};
  SUBCASE("401") {
    status = 401, code = Errc::unauthenticated;
  }
  SUBCASE("403") {
    status = 403, code = Errc::permission_denied;
  }
  SUBCASE("503") {
    status = 503, code = Errc::unavailable;
  }
  const auto answer = [&](const char* challenge) {
    registry.set_handler([&, challenge](const FaultRequest& request) {
      if (request.target == "/token") {
        return json("{\"token\":\"" + bearer_token + "\",\"refresh_token\":\"" + refresh_token +
                    "\"}");
      }
      FaultResponse response =
          echo(request.header("authorization").empty() ? 401 : status, request);
      response.headers.emplace_back("WWW-Authenticate", challenge);
      return response;
    });
  };
  answer("Basic realm=x");
  check(code, {"user", password});
  const std::string bearer = "Bearer realm=\"" + realm + '"';
  answer(bearer.c_str());
  check(code, {"user", password});
  check(code, {.identity_token = identity_token});
}

TEST_CASE_FIXTURE(SecretsFixture, "secrets: a token that cannot be used") {
  token_server = [&](const FaultRequest&) {
    return json("{\"token\":\"" + bearer_token + "\\n\",\"refresh_token\":\"" + refresh_token +
                "\"}");
  };
  check(Errc::data_corruption, {"user", password});
  token_server = [&](const FaultRequest&) { return json("{\"token\":\"" + bearer_token); };
  check(Errc::data_corruption, {"user", password});
  token_server = [&](const FaultRequest&) {
    return json("{\"token\":[\"" + bearer_token + "\"]}");
  };
  check(Errc::data_corruption, {"user", password});
}

TEST_CASE_FIXTURE(SecretsFixture,
                  "secrets: redirects leave them behind, on this host and elsewhere") {
  FaultRegistry elsewhere;
  elsewhere.add_image("1", image);
  const std::string there = "http://" + elsewhere.address();
  SUBCASE("a blob's: no token goes along") {
    registry.set_handler([&](const FaultRequest& request) -> std::optional<FaultResponse> {
      if (request.target == "/token") return json("{\"token\":\"" + bearer_token + "\"}");
      if (request.header("authorization") != "Bearer " + bearer_token) {
        return FaultResponse{.status = 401,
                             .headers = {{"WWW-Authenticate", "Bearer realm=\"" + realm + '"'}}};
      }
      if (!request.is_blob()) return std::nullopt;
      return FaultResponse{.status = 307,
                           .headers = {{"Location", there + "/x?Signature=" + signature}}};
    });
    elsewhere.set_handler([](const FaultRequest& request) { return echo(403, request); });
    CHECK(elsewhere.requests().empty());
    // What the URL holds is known to who answers, and is ours to keep from messages.
    auto options = with({"user", password});
    options.log = log;
    check_error(Errc::permission_denied, {elsewhere.address(), "403"}, [&] { pull(options); });
    REQUIRE(elsewhere.requests().size() >= 1);
    for (const auto& request : elsewhere.requests()) {
      CHECK(request.header("authorization").empty());
    }
    CHECK(log->text().find(signature) == std::string::npos);
  }
  SUBCASE("a token server's, by POST: not followed") {
    token_server = [&](const FaultRequest&) {
      return FaultResponse{.status = 307, .headers = {{"Location", there + "/token"}}};
    };
    check(Errc::permission_denied, {"user", password});
    CHECK(elsewhere.requests().empty());
    token_server = [&](const FaultRequest&) {
      return FaultResponse{.status = 308, .headers = {{"Location", "/token2"}}};
    };
    check(Errc::permission_denied, {.identity_token = identity_token});
  }
  SUBCASE("a token server's, by GET: without the password") {
    knows_post = false;
    token_server = [&](const FaultRequest& request) {
      return FaultResponse{.status = 307, .headers = {{"Location", there + request.target}}};
    };
    elsewhere.set_handler([](const FaultRequest& request) { return echo(403, request); });
    check(Errc::permission_denied, {"user", password});
    REQUIRE(elsewhere.requests().size() == 1);
    CHECK(elsewhere.requests()[0].header("authorization").empty());
  }
  for (const auto& request : elsewhere.requests()) CHECK(request.body.empty());
}
