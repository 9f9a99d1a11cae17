// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include <vmkit/base/call_options.hpp>

namespace vmkit::oci {

/// What a registry is shown. Never logged, never part of an error.
struct Credential {
  std::string username;
  std::string password;  ///< Or an access token, where a registry takes those in its place.
};

/// Where the registry client gets credentials from, when a registry asks for them.
class CredentialProvider {
 public:
  virtual ~CredentialProvider();
  /// The credential for `registry`, as Reference::registry() spells it ("docker.io",
  /// "localhost:5000"); nullopt: speak to it anonymously. Called from any thread, several at once;
  /// may take long and should then honour `options`. What it throws ends the call that needed it.
  virtual std::optional<Credential> find(const std::string& registry,
                                         const CallOptions& options) = 0;
};

/// Credentials given by the caller, by registry. Thread-safe.
class GivenCredentials : public CredentialProvider {
 public:
  explicit GivenCredentials(std::map<std::string, Credential> by_registry);
  std::optional<Credential> find(const std::string& registry, const CallOptions& options) override;

 private:
  std::map<std::string, Credential> by_registry_;
};

}  // namespace vmkit::oci
