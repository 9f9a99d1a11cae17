// SPDX-License-Identifier: Apache-2.0
#include "oci/authorizer.hpp"

#include <algorithm>
#include <utility>

#include "oci/json.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_token_bytes = 1 << 20;
/// What the token specification says for an answer that does not tell.
constexpr std::uint64_t default_lifetime_seconds = 60;

std::string base64(std::string_view text) {
  static constexpr char alphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    const std::size_t count = std::min<std::size_t>(3, text.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (j < count ? static_cast<unsigned char>(text[i + j]) : 0);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      result += j <= count ? alphabet[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return result;
}

std::string basic_header(const Credential& credential) {
  if (credential.username.find(':') != std::string::npos) {
    throw Error(Errc::invalid_argument, "a user name for a registry must not hold \":\"");
  }
  return "Basic " + base64(credential.username + ':' + credential.password);
}

/// The challenge to answer: a token is worth more than a password sent with each request.
std::optional<Challenge> pick_challenge(const HttpResponse& response) {
  std::optional<Challenge> basic;
  const auto headers = response.headers.find("www-authenticate");
  if (headers == response.headers.end()) return std::nullopt;
  for (const std::string& header : headers->second) {
    for (Challenge& challenge : parse_challenges(header)) {
      if (challenge.scheme == "bearer" && !challenge.parameter("realm").empty()) return challenge;
      if (challenge.scheme == "basic") basic = std::move(challenge);
    }
  }
  return basic;
}

bool fits_in_header(std::string_view token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

/// std::mutex cannot be waited for with a time limit or a stop.
std::unique_lock<std::mutex> lock_patiently(std::mutex& mutex, const CallOptions& options) {
  std::unique_lock lock(mutex, std::try_to_lock);
  while (!lock.owns_lock()) {
    options.check("wait for a registry token");
    options.stop.wait_for(options.remaining(5ms));
    lock.try_lock();
  }
  return lock;
}

}  // namespace

Authorizer::Authorizer(const RegistryClientOptions& options, Exchanger& exchanger)
    : options_(options), exchanger_(exchanger) {}

std::shared_ptr<Authorizer::Grant> Authorizer::grant_for(const Registry& registry,
                                                         const std::string& scope) {
  const std::lock_guard lock(mutex_);
  auto& grant = grants_[registry.base_url() + ' ' + scope];
  if (!grant) grant = std::make_shared<Grant>();
  return grant;
}

std::string Authorizer::current(const Registry& registry, const std::string& scope,
                                const CallOptions& options) {
  const auto grant = grant_for(registry, scope);
  const auto lock = lock_patiently(grant->mutex, options);
  if (grant->renew_at && Clock::now() >= *grant->renew_at) {
    obtain(*grant, registry, scope, options);
  }
  return grant->header;
}

std::string Authorizer::renew(const Registry& registry, const std::string& scope,
                              const std::string& refused, const HttpResponse& response,
                              const CallOptions& options) {
  const auto grant = grant_for(registry, scope);
  const auto lock = lock_patiently(grant->mutex, options);
  // Another thread may have been here with the same refusal.
  if (!grant->header.empty() && grant->header != refused) return grant->header;
  auto challenge = pick_challenge(response);
  if (!challenge) {
    throw Error(Errc::unauthenticated, registry.host +
                                           " answered 401 without saying which credentials it "
                                           "takes (expected a bearer or basic challenge)");
  }
  grant->challenge = *std::move(challenge);
  grant->header.clear();
  grant->renew_at.reset();
  obtain(*grant, registry, scope, options);
  return grant->header;
}

Error Authorizer::refused(const Registry& registry, const std::string& scope, const Answer& answer,
                          const CallOptions& options) {
  const auto grant = grant_for(registry, scope);
  const auto lock = lock_patiently(grant->mutex, options);
  grant->header.clear();
  grant->renew_at.reset();
  const Error error = error_of(answer, scope);
  return Error(
      Errc::unauthenticated,
      std::string(error.what()) + blame(*grant, registry) + ", or there is no such repository",
      error.native());
}

std::string Authorizer::blame(const Grant& grant, const Registry& registry) {
  return grant.has_credential
             ? "; the credentials given for \"" + registry.name + "\" were refused"
             : "; credentials are needed, and none were given for \"" + registry.name + '"';
}

void Authorizer::obtain(Grant& grant, const Registry& registry, const std::string& scope,
                        const CallOptions& options) {
  std::optional<Credential> credential;
  if (options_.credentials) credential = options_.credentials->find(registry.name, options);
  grant.has_credential = credential.has_value();
  if (grant.challenge.scheme == "bearer") {
    fetch_token(grant, registry, scope, credential, options);
    return;
  }
  if (!credential) {
    throw Error(Errc::unauthenticated, registry.host +
                                           " needs a user name and password, and none were given "
                                           "for \"" +
                                           registry.name + "\"");
  }
  grant.header = basic_header(*credential);
}

void Authorizer::check_realm(const Registry& registry, const std::string& realm) const {
  const auto url = HttpUrl::parse(realm);
  if (!url) {
    throw Error(Errc::data_corruption,
                registry.host + " names a token realm that is not an http URL");
  }
  const TokenRealm asked{registry.host, realm, url->scheme, url->host + ':' + url->port};
  const bool allowed = options_.token_realm_policy
                           ? options_.token_realm_policy(asked)
                           : url->scheme == "https" || registry.options.plain_http;
  if (allowed) return;
  throw Error(Errc::permission_denied, registry.host + " wants its token fetched from " +
                                           url->scheme + "://" + asked.host +
                                           ", which the token realm policy does not allow");
}

void Authorizer::fetch_token(Grant& grant, const Registry& registry, const std::string& scope,
                             const std::optional<Credential>& credential,
                             const CallOptions& options) {
  const std::string realm = grant.challenge.parameter("realm");
  check_realm(registry, realm);
  const std::string asked_scope = grant.challenge.parameter("scope");
  HttpRequest request;
  request.url = realm + (realm.find('?') == std::string::npos ? '?' : '&');
  if (const std::string service = grant.challenge.parameter("service"); !service.empty()) {
    request.url += "service=" + percent_encode(service) + '&';
  }
  request.url += "scope=" + percent_encode(asked_scope.empty() ? scope : asked_scope);
  request.headers = {"Accept: application/json"};
  request.decode_content = true;
  registry.configure(request);

  const std::string what = "token for " + registry.host;
  std::string content;
  const HttpBody collect = [&](const HttpResponse&, std::span<const std::byte> data) {
    if (content.size() + data.size() > most_token_bytes) {
      throw Error(Errc::data_corruption, what + ": expected at most 1 MiB, found more");
    }
    content.append(reinterpret_cast<const char*>(data.data()), data.size());
  };
  Backoff backoff(options_.retry, exchanger_.log());
  Answer answer;
  for (;;) {
    content.clear();
    answer = exchanger_.send(request, credential ? basic_header(*credential) : std::string(),
                             collect, options);
    if (!answer.transient()) break;
    backoff.pause(error_of(answer, what), answer.response, options);
  }
  if (!answer.ok()) {
    const Error error = error_of(answer, what);
    if (error.code() != Errc::unauthenticated) throw error;
    throw Error(error.code(), error.what() + blame(grant, registry), error.native());
  }

  const auto json = parse_json(content, what, {.size = ByteSize(most_token_bytes)});
  const JsonObject document(json, what);
  std::string token = document.text("token");
  if (token.empty()) token = document.text("access_token");
  if (!fits_in_header(token)) {
    throw Error(Errc::data_corruption, what + ": expected a token, found none that can be sent");
  }
  const auto lifetime = std::min<std::uint64_t>(
      document.number("expires_in").value_or(default_lifetime_seconds), 86400);
  grant.header = "Bearer " + token;
  // A tenth of its life before its end: clocks differ, and requests take time.
  grant.renew_at = Clock::now() + std::chrono::milliseconds(lifetime * 900);
}

}  // namespace vmkit::oci
