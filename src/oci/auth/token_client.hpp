// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "oci/auth/challenge.hpp"
#include "oci/auth/token_request.hpp"
#include "oci/http/exchange.hpp"

#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// Fetches bearer tokens where registries say, if policy allows it. With a credential it asks by
/// OAuth2 first and by GET where the server does not know that; it remembers which, and the refresh
/// tokens that servers give, so that a password goes out as seldom as can be. Thread-safe.
class TokenClient {
 public:
  TokenClient(const RegistryClientOptions& options, Exchanger& exchanger)
      : options_(options), exchanger_(exchanger) {}

  /// A token for `scope` and what else the challenge asks for. Throws permission_denied (also by
  /// policy), unauthenticated (the credential is refused or needed), unavailable, unsupported and
  /// data_corruption.
  Token fetch(const Registry& registry, const Challenge& challenge, const std::string& scope,
              const std::optional<Credential>& credential, const CallOptions& options);

 private:
  /// What was learnt about a realm, for one registry and service.
  struct Server {
    bool without_post = false;
    std::string refresh_token;
    Credential refresh_token_from;  // a refresh token does not outlive its credential
  };
  /// An answer with its body.
  struct Reply {
    Answer answer;
    std::string content;
  };

  void check_realm(const Registry& registry, const std::string& realm, bool with_credential) const;
  Reply ask(HttpRequest request, const std::string& authorization, const Registry& registry,
            const CallOptions& options);
  Reply ask_with_credential(const TokenQuery& query, const Registry& registry,
                            const Credential& credential, const std::string& server_key,
                            const CallOptions& options);
  Server known(const std::string& server_key);

  const RegistryClientOptions& options_;
  Exchanger& exchanger_;
  std::mutex mutex_;
  std::map<std::string, Server> servers_;
};

/// "Basic …". Throws invalid_argument for a user name that cannot be sent so.
std::string basic_header(const Credential& credential);

/// For the end of a message: whose fault a 401 is.
std::string blame(bool has_credential, const Registry& registry);

}  // namespace vmkit::oci
