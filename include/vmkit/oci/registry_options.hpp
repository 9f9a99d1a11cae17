// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <vmkit/base/log.hpp>
#include <vmkit/oci/credentials.hpp>
#include <vmkit/oci/token_realm.hpp>

namespace vmkit::oci {

/// How one registry is reached.
struct RegistryHostOptions {
  bool plain_http = false;  ///< Speak HTTP without TLS, passwords included.
  /// Believe whoever answers in the registry's place. Other hosts, those of redirects and token
  /// realms, must prove who they are all the same.
  bool accept_any_certificate = false;
  /// Certificates (PEM) of the authorities to trust; empty: the system's.
  std::filesystem::path ca_file = {};
  /// URL of a proxy; empty: none. The environment is never asked.
  std::string proxy = {};
  /// PEM files that show the registry, and nobody else, who we are; empty: none. An empty key: it
  /// is in the file of the certificate.
  std::filesystem::path client_certificate = {};
  std::filesystem::path client_key = {};
  /// Registries, by host and port, that are asked for this one's manifests and blobs first, in
  /// this order, under the same repository name; each is reached by its own options and shown its
  /// own credentials. What a mirror does not have or gives wrongly the next one is asked for, and
  /// at last the registry itself. Their own mirrors are not asked.
  std::vector<std::string> mirrors = {};
};

/// What happens after a transport error, a stall, or one of the statuses 408, 429 and 5xx.
struct RetryOptions {
  int attempts = 5;  ///< In all, not counting those that brought a blob on by 1 MiB or more.
  /// Doubles with each attempt, up to the longest; of each pause a random half is left out.
  std::chrono::milliseconds first_pause{250};
  std::chrono::milliseconds longest_pause{10'000};
  /// A registry that asks for more patience (Retry-After) than this is given up at once.
  std::chrono::seconds longest_retry_after{60};
};

/// How registries are reached: credentials, mirrors, limits, and what differs for some.
struct RegistryClientOptions {
  RegistryHostOptions defaults = {};
  /// Replaces the defaults for a registry, by its host and port as in a Reference.
  std::map<std::string, RegistryHostOptions> hosts = {};
  std::shared_ptr<CredentialProvider> credentials = {};  ///< Empty: anonymous.
  TokenRealmPolicy token_realm_policy = {};              ///< Empty: default_token_realm_policy.
  RetryOptions retry = {};
  std::chrono::milliseconds connect_timeout{15'000};
  /// A transfer that brings or takes less than 1 KiB in so long is stalled.
  std::chrono::milliseconds stall_timeout{30'000};
  std::string user_agent = "vmkit";
  std::shared_ptr<LogSink> log = {};
};

}  // namespace vmkit::oci
