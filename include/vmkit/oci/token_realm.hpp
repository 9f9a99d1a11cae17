// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace vmkit::oci {

/// Where a registry wants a token to be fetched, and what would be shown there.
struct TokenRealm {
  std::string registry = {};         ///< Host, with its port if it was given: "localhost:5000".
  bool registry_plain_http = false;  ///< It is spoken to without TLS.
  std::string url = {};
  std::string scheme = {};       ///< "https" or "http".
  std::string host = {};         ///< In lower case, without the port.
  std::string port = {};         ///< Always there.
  bool with_credential = false;  ///< The request would carry the registry's credential.
};

/// Whether a token may be fetched there: the answer decides who sees the credential. Called from
/// any thread.
using TokenRealmPolicy = std::function<bool(const TokenRealm&)>;

/// The policy of a client that was given none. A registry says itself where its tokens come from,
/// so one that lies could send a password anywhere. Allowed are
/// - the registry's own host, on any port: over https, or over http if the registry is spoken to in
///   plain HTTP too;
/// - any other host over https if no credential goes there;
/// - with a credential these well-known pairs only, over https at the usual port:
///     registry-1.docker.io       auth.docker.io
///     registry.gitlab.com        gitlab.com
///     docker.elastic.co          docker-auth.elastic.co
///     registry.digitalocean.com  api.digitalocean.com
/// A common parent domain proves nothing: on many hosts of that kind everybody can have a name. For
/// all else the host application says so, by a policy of its own that may ask this one first.
bool default_token_realm_policy(const TokenRealm& realm);

}  // namespace vmkit::oci
