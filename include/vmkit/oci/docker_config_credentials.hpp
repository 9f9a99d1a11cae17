// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <vmkit/oci/credentials.hpp>

namespace vmkit::oci {

/// How credential helpers are found and run. Nothing of it is taken from this process's own
/// environment: the host application decides.
struct CredentialHelperOptions {
  /// Folders where docker-credential-NAME is looked for, in this order, separated by ":".
  std::string path = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";
  /// The helpers' whole environment, "NAME=value". Most need HOME; those that speak to a desktop's
  /// key ring or to an agent need more. Empty: a PATH with the folders above, and nothing else.
  std::vector<std::string> environment = {};
  /// A helper that has not ended by then is killed, with all processes it started.
  std::chrono::milliseconds time_limit{30'000};
};

/// The credentials in a Docker config.json, or in an auth.json of the containers tools.
///
/// For a registry it looks, in this order, at
/// - `credHelpers`: the helper named for that registry;
/// - `credsStore`: the helper for all registries;
/// - `auths`: "auth" (base64 of user name, ":" and password) or "username" and "password", and
///   "identitytoken". Its keys may be a registry, or a registry with the first parts of a
///   repository name, of which the longest that fits counts. A scheme, and a path behind one, are
///   ignored: "https://index.docker.io/v1/", Docker Hub's old name, is "docker.io".
/// The first that has a credential answers. Entries without one are as good as missing.
///
/// A helper is run as `docker-credential-NAME get` with the registry on its standard input. It may
/// print at most 64 KiB. "credentials not found", as helpers say it, means that there are none;
/// what else a helper prints never comes into a message.
///
/// The file is read anew at each find(), so that a login or logout counts at once, and of it only
/// what concerns the registry is judged. Thread-safe.
class DockerConfigCredentials : public CredentialProvider {
 public:
  explicit DockerConfigCredentials(std::filesystem::path file,
                                   CredentialHelperOptions helpers = {});

  /// nullopt also if there is no such file: nobody has logged in yet. Throws
  /// - data_corruption, with the file and the field: JSON or an entry that cannot be read, a helper
  ///   name that is not of letters, digits, ".", "_" and "-", an answer of a helper that is none;
  /// - resource_exhausted: a file over 1 MiB, an answer over 64 KiB;
  /// - not_found: the named helper is not installed; unavailable: it failed; timeout: it took too
  ///   long; or what reading the file gave.
  std::optional<Credential> find(const CredentialQuery& query, const CallOptions& options) override;

 private:
  std::filesystem::path file_;
  CredentialHelperOptions helpers_;
};

}  // namespace vmkit::oci
