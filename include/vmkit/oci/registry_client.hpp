// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/log.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/credentials.hpp>
#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/reference.hpp>
#include <vmkit/oci/token_realm.hpp>

namespace vmkit::oci {

/// How one registry is reached.
struct RegistryHostOptions {
  bool plain_http = false;  ///< Speak HTTP without TLS, passwords included.
  /// Certificates (PEM) of the authorities to trust; empty: the system's.
  std::filesystem::path ca_file = {};
  /// URL of a proxy; empty: none. The environment is never asked.
  std::string proxy = {};
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

struct RegistryClientOptions {
  RegistryHostOptions defaults = {};
  /// Replaces the defaults for a registry, by its host and port as in a Reference.
  std::map<std::string, RegistryHostOptions> hosts = {};
  std::shared_ptr<CredentialProvider> credentials = {};  ///< Empty: anonymous.
  TokenRealmPolicy token_realm_policy = {};              ///< Empty: default_token_realm_policy.
  RetryOptions retry = {};
  std::chrono::milliseconds connect_timeout{15'000};
  /// A transfer that brings less than 1 KiB in so long is stalled.
  std::chrono::milliseconds stall_timeout{30'000};
  std::string user_agent = "vmkit";
  std::shared_ptr<LogSink> log = {};
};

/// A manifest or index as a registry gave it, verified.
struct ManifestDocument {
  Descriptor descriptor;
  std::string content;
};

/// Speaks the OCI distribution specification 1.1 (and Docker's registry API, version 2) to any
/// number of registries. Thread-safe: calls of several threads share connections and tokens.
///
/// - A registry's credential goes to that registry's own scheme, host and port and to the token
///   realm that it names, if policy allows it; a redirect to anywhere else is followed without it,
///   and from https to http not at all.
/// - A token is fetched once for a repository and kept until shortly before it expires. A
///   credential that is refused twice in a row ends the call.
/// - No call changes anything on a registry. An error leaves the client usable.
///
/// All calls throw: unauthenticated (credentials needed, or refused), permission_denied, not_found,
/// unavailable (not reachable, or overloaded after all attempts), data_corruption (the answer
/// contradicts a digest, a size or itself), unsupported, cancelled, timeout.
class RegistryClient {
 public:
  explicit RegistryClient(RegistryClientOptions options = {});
  RegistryClient(RegistryClient&&) noexcept;
  RegistryClient& operator=(RegistryClient&&) noexcept;
  ~RegistryClient();

  /// Asks only which digest the registry has for `reference`, in one request; nullopt if it does
  /// not tell or has no such manifest: fetch_manifest then tells more.
  std::optional<Digest> manifest_digest(const Reference& reference,
                                        const CallOptions& options = {});

  /// The manifest or index of `reference`, of at most longest_document.
  ManifestDocument fetch_manifest(const Reference& reference, const CallOptions& options = {});

  /// Hands the blob to `sink`, each byte once and in order, whatever breaks and is resumed on the
  /// way; never more than descriptor.size bytes. The digest is verified at the end: until this
  /// returns nothing is sure about the bytes.
  void fetch_blob(const Reference& repository, const Descriptor& descriptor, Sink& sink,
                  const CallOptions& options = {});

  /// The same from the byte `offset` on, for a caller who has the bytes before and verifies the
  /// digest of all: here it is not.
  void fetch_rest_of_blob(const Reference& repository, const Descriptor& descriptor,
                          std::uint64_t offset, Sink& sink, const CallOptions& options = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::oci
