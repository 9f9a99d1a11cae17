// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/base/call_options.hpp>

namespace vmkit::oci {

/// What a registry or its token server is shown: user name and password, or an identity token.
/// Never logged, never part of an error.
struct Credential {
  std::string username = {};
  std::string password = {};  ///< Or an access token, where a registry takes those in its place.
  /// An OAuth2 refresh token, which a token server takes in the place of a password. Where it is
  /// given it is the one that is used; registries that ask for basic credentials do not take it.
  std::string identity_token = {};

  friend bool operator==(const Credential&, const Credential&) = default;
};

/// For what a credential is wanted.
struct CredentialQuery {
  std::string registry =
      {};  ///< As Reference::registry() spells it: "docker.io", "localhost:5000".
  std::string repository = {};  ///< "library/alpine"; empty: none in particular.
};

/// Where the registry client gets credentials from, when a registry asks for them.
class CredentialProvider {
 public:
  virtual ~CredentialProvider();
  /// nullopt: this provider has none; with no other, the registry is spoken to anonymously. Called
  /// from any thread, several at once; may take long and should then honour `options`. What it
  /// throws ends the call that needed it, and must not hold a secret.
  virtual std::optional<Credential> find(const CredentialQuery& query,
                                         const CallOptions& options) = 0;
};

/// Credentials given by the caller, by registry. Thread-safe.
class GivenCredentials : public CredentialProvider {
 public:
  explicit GivenCredentials(std::map<std::string, Credential> by_registry);
  std::optional<Credential> find(const CredentialQuery& query, const CallOptions& options) override;

 private:
  std::map<std::string, Credential> by_registry_;
};

/// Asks several providers in their order; the first that has a credential answers, and an error of
/// one ends the search. Shares ownership of them. As thread-safe as they are.
class ChainedCredentials : public CredentialProvider {
 public:
  /// Throws invalid_argument if one of them is null.
  explicit ChainedCredentials(std::vector<std::shared_ptr<CredentialProvider>> providers);
  std::optional<Credential> find(const CredentialQuery& query, const CallOptions& options) override;

 private:
  std::vector<std::shared_ptr<CredentialProvider>> providers_;
};

}  // namespace vmkit::oci
