// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/oci/credentials.hpp>

namespace vmkit::oci {

/// The internet passwords in the macOS Keychain, by server and, if the registry has one, port: what
/// `docker login` puts there with the helper "osxkeychain", and what the Keychain application
/// makes. An account named "<token>" holds an identity token. Docker Hub is looked for as
/// index.docker.io, docker.io and registry-1.docker.io.
///
/// The system may ask the user whether this application may read an item that another one made,
/// and find() waits for the answer: the deadline and stop of its options cannot end that.
/// Thread-safe.
class KeychainCredentials : public CredentialProvider {
 public:
  /// Whether this build has a Keychain to ask.
  static bool available() noexcept;

  /// Throws permission_denied if the user or the system refuses, unavailable if the Keychain cannot
  /// be asked (locked, no session), and unsupported where available() is false.
  std::optional<Credential> find(const CredentialQuery& query, const CallOptions& options) override;
};

}  // namespace vmkit::oci
