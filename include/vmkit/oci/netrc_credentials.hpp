// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include <vmkit/oci/credentials.hpp>

namespace vmkit::oci {

/// The credentials in a netrc file.
///
/// The file is a list of words between blanks and line ends: `machine NAME` or `default`, each with
/// `login`, `password` and `account` (which is ignored), each of these followed by its value.
/// `macdef NAME` and all lines up to the next empty one are skipped, as is what follows a "#" that
/// stands where one of these words is expected. A word in double quotes may hold blanks; there, and
/// only there, `\"` `\\` `\n` `\r` `\t` are escapes.
///
/// The first entry counts that names the registry and has login and password. NAME is the
/// registry's host with or without its port, in any case of letters; Docker Hub is known as
/// docker.io, index.docker.io and registry-1.docker.io. `default` names every registry that reaches
/// it: a file with such an entry gives its password to any registry that asks.
///
/// The file is read anew at each find(). Thread-safe.
class NetrcCredentials : public CredentialProvider {
 public:
  explicit NetrcCredentials(std::filesystem::path file);

  /// nullopt also if there is no such file. Throws data_corruption with the file and the line of a
  /// mistake, resource_exhausted for a file over 1 MiB, or what reading the file gave.
  std::optional<Credential> find(const CredentialQuery& query, const CallOptions& options) override;

 private:
  std::filesystem::path file_;
};

}  // namespace vmkit::oci
