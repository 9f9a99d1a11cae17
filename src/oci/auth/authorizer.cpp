// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/authorizer.hpp"

#include <utility>

#include "oci/auth/token_scope.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

using namespace std::chrono_literals;

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
    : options_(options), token_client_(options, exchanger) {}

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
  std::size_t known_refusals;
  {
    const std::lock_guard lock(grant->refusal_mutex);
    known_refusals = grant->refusal_count;
  }
  const auto lock = lock_patiently(grant->mutex, options);
  // Another thread may have been here with the same refusal.
  if (!grant->header.empty() && grant->header != refused) return grant->header;
  {
    const std::lock_guard refusal_lock(grant->refusal_mutex);
    if (grant->refusal_count != known_refusals) throw *grant->refusal;
  }
  auto challenge = pick_challenge(response);
  if (!challenge) {
    throw Error(Errc::unauthenticated, registry.host +
                                           " answered 401 without saying which credentials it "
                                           "takes (expected a bearer or basic challenge)");
  }
  grant->challenge = *std::move(challenge);
  grant->header.clear();
  grant->renew_at.reset();
  try {
    obtain(*grant, registry, scope, options);
  } catch (const Error& error) {
    if (error.code() != Errc::unauthenticated && error.code() != Errc::permission_denied) throw;
    const std::lock_guard refusal_lock(grant->refusal_mutex);
    ++grant->refusal_count;
    grant->refusal = error;
    throw;
  }
  return grant->header;
}

Error Authorizer::refused(const Registry& registry, const std::string& scope, const Answer& answer,
                          const CallOptions& options) {
  const auto grant = grant_for(registry, scope);
  const auto lock = lock_patiently(grant->mutex, options);
  grant->header.clear();
  grant->renew_at.reset();
  const Error error = error_of(answer, scope);
  return Error(Errc::unauthenticated,
               std::string(error.what()) + blame(grant->has_credential, registry) +
                   ", or there is no such repository",
               error.native());
}

void Authorizer::obtain(Grant& grant, const Registry& registry, const std::string& scope,
                        const CallOptions& options) {
  std::optional<Credential> credential;
  if (options_.credentials) {
    credential = options_.credentials->find({registry.name, repository_of_scope(scope)}, options);
  }
  grant.has_credential = credential.has_value();
  if (grant.challenge.scheme == "bearer") {
    const Token token = token_client_.fetch(registry, grant.challenge, scope, credential, options);
    grant.header = "Bearer " + token.value;
    // A tenth of its life before its end: clocks differ, and requests take time.
    grant.renew_at = Clock::now() + std::chrono::milliseconds(token.lifetime) * 9 / 10;
    return;
  }
  if (!credential) {
    throw Error(Errc::unauthenticated, registry.host +
                                           " needs a user name and password, and none were given "
                                           "for \"" +
                                           registry.name + "\"");
  }
  if (!credential->identity_token.empty()) {
    throw Error(Errc::unauthenticated,
                registry.host + " needs a user name and password, and only an identity token was " +
                    "given for \"" + registry.name + "\"");
  }
  grant.header = basic_header(*credential);
}

}  // namespace vmkit::oci
