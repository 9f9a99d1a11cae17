// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/token_client.hpp"

#include <utility>

#include "oci/auth/base64.hpp"
#include "oci/auth/token_scope.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t most_token_bytes = 1 << 20;

std::string subject(const Registry& registry) {
  return "token for " + registry.host;
}

Error refusal(const Answer& answer, const Registry& registry,
              const std::optional<Credential>& credential) {
  const Error error = error_of(answer, subject(registry));
  const int status = answer.response.failure ? 0 : answer.response.status;
  if (credential && !credential->identity_token.empty() && (status == 404 || status == 405)) {
    return Error(Errc::unsupported,
                 std::string(error.what()) +
                     ": it takes no identity tokens; give a user name and "
                     "password",
                 error.native());
  }
  // OAuth2 refuses credentials with 400.
  if (status != 401 && !(status == 400 && credential)) return error;
  return Error(Errc::unauthenticated, error.what() + blame(credential.has_value(), registry),
               error.native());
}

}  // namespace

std::string basic_header(const Credential& credential) {
  if (credential.username.find(':') != std::string::npos) {
    throw Error(Errc::invalid_argument, "a user name for a registry must not hold \":\"");
  }
  return "Basic " + base64_encode(credential.username + ':' + credential.password);
}

std::string blame(bool has_credential, const Registry& registry) {
  return has_credential
             ? "; the credentials given for \"" + registry.name + "\" were refused"
             : "; credentials are needed, and none were given for \"" + registry.name + '"';
}

void TokenClient::check_realm(const Registry& registry, const std::string& realm,
                              bool with_credential) const {
  const auto url = HttpUrl::parse(realm);
  if (!url) {
    throw Error(Errc::data_corruption,
                registry.host + " names a token realm that is not an http URL");
  }
  const TokenRealm asked{.registry = registry.host,
                         .registry_plain_http = registry.options.plain_http,
                         .url = realm,
                         .scheme = url->scheme,
                         .host = url->host,
                         .port = url->port,
                         .with_credential = with_credential};
  const bool allowed = options_.token_realm_policy ? options_.token_realm_policy(asked)
                                                   : default_token_realm_policy(asked);
  if (allowed) return;
  throw Error(Errc::permission_denied,
              registry.host + " wants its token fetched from " + url->scheme + "://" + url->host +
                  ':' + url->port + (with_credential ? ", with the credentials given for it" : "") +
                  ", which the token realm policy does not allow");
}

Token TokenClient::fetch(const Registry& registry, const Challenge& challenge,
                         const std::string& scope, const std::optional<Credential>& credential,
                         const CallOptions& options) {
  const TokenQuery query{.realm = challenge.parameter("realm"),
                         .service = challenge.parameter("service"),
                         .scopes = merged_scopes(scope, challenge.parameter("scope")),
                         .client_id = options_.user_agent};
  check_realm(registry, query.realm, credential.has_value());
  const std::string key = registry.base_url() + ' ' + query.realm + ' ' + query.service;
  const Reply reply = credential ? ask_with_credential(query, registry, *credential, key, options)
                                 : ask(token_get(query), "", registry, options);
  if (!reply.answer.ok()) throw refusal(reply.answer, registry, credential);
  Token token = parse_token(reply.content, subject(registry), reply.answer.response.header("date"),
                            std::chrono::system_clock::now());
  if (credential && !token.refresh_token.empty()) {
    const std::lock_guard lock(mutex_);
    servers_[key].refresh_token = token.refresh_token;
    servers_[key].refresh_token_from = *credential;
  }
  return token;
}

TokenClient::Reply TokenClient::ask_with_credential(const TokenQuery& query,
                                                    const Registry& registry,
                                                    const Credential& credential,
                                                    const std::string& server_key,
                                                    const CallOptions& options) {
  const Server server = known(server_key);
  if (!server.refresh_token.empty() && server.refresh_token_from == credential) {
    const Credential instead{.identity_token = server.refresh_token};
    Reply reply = ask(token_post(query, instead), "", registry, options);
    if (reply.answer.ok()) return reply;
    // It may have expired; the credential that it came from may still be good.
    const std::lock_guard lock(mutex_);
    servers_[server_key].refresh_token.clear();
  }
  const bool only_post = !credential.identity_token.empty();
  if (only_post || !server.without_post) {
    Reply reply = ask(token_post(query, credential), "", registry, options);
    if (only_post || reply.answer.ok() || !post_may_be_unknown(reply.answer)) return reply;
  }
  Reply reply = ask(token_get(query), basic_header(credential), registry, options);
  if (reply.answer.ok()) {
    const std::lock_guard lock(mutex_);
    servers_[server_key].without_post = true;
  }
  return reply;
}

TokenClient::Reply TokenClient::ask(HttpRequest request, const std::string& authorization,
                                    const Registry& registry, const CallOptions& options) {
  registry.configure(request);
  Reply reply;
  const HttpBody collect = [&](const HttpResponse&, std::span<const std::byte> data) {
    if (reply.content.size() + data.size() > most_token_bytes) {
      throw Error(Errc::data_corruption,
                  subject(registry) + ": expected at most 1 MiB, found more");
    }
    reply.content.append(reinterpret_cast<const char*>(data.data()), data.size());
  };
  Backoff backoff(options_.retry, exchanger_.log());
  for (;;) {
    reply.content.clear();
    reply.answer = exchanger_.send(request, authorization, collect, options);
    if (!reply.answer.transient() || reply.answer.response.status == 501) return reply;
    backoff.pause(error_of(reply.answer, subject(registry)), reply.answer.response, options);
  }
}

TokenClient::Server TokenClient::known(const std::string& server_key) {
  const std::lock_guard lock(mutex_);
  return servers_[server_key];
}

}  // namespace vmkit::oci
