// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/auth/authorizer.hpp"
#include "oci/http/exchange.hpp"

#include <vmkit/oci/manifest.hpp>
#include <vmkit/oci/reference.hpp>
#include <vmkit/oci/registry_options.hpp>

namespace vmkit::oci {

/// What all calls of a RegistryClient share. Thread-safe.
struct RegistryAccess {
  explicit RegistryAccess(RegistryClientOptions given);

  Registry registry_of(const Reference& reference) const;
  /// The registry's mirrors that are worth asking now, in their order.
  std::vector<Registry> mirrors_of(const Reference& reference);
  /// Takes note that a mirror failed: one that cannot be reached is left alone for a while.
  void mirror_failed(const Registry& mirror, const Error& error);
  /// It gave bytes that were not the blob's: it is not asked again.
  void distrust(const Registry& mirror);

  /// One request with its redirects and, if the registry wants to see credentials, with those.
  /// `scope` is the access that a token must give: "repository:NAME:pull", or several with a space
  /// between them. A URL of another origin than the registry's is asked without.
  Answer send(const Registry& registry, const std::string& scope, HttpRequest request,
              const HttpBody& body, const CallOptions& call);

  /// The same, tried again until the answer is not transient. `reset` is called before each try.
  Answer settle(const Registry& registry, const std::string& scope, const HttpRequest& request,
                const HttpBody& body, const RetryOptions& retry, std::string_view what,
                const CallOptions& call, const std::function<void()>& reset = {});

  struct Document {
    Answer answer;
    std::string content;  ///< Of a 2xx answer.
  };
  /// Settles a request for a document of at most longest_document.
  Document fetch_document(const Registry& registry, const std::string& scope,
                          const HttpRequest& request, const RetryOptions& retry,
                          std::string_view what, const CallOptions& call);

  RegistryClientOptions options;
  Exchanger exchanger;
  Authorizer authorizer;
  /// A mirror has somebody behind it: it gets one chance.
  RetryOptions mirror_retry;

 private:
  using Clock = std::chrono::steady_clock;
  std::mutex mirrors_mutex_;
  std::map<std::string, Clock::time_point> resting_until_;  // by the mirror's base URL
};

/// Whether a call ends with this error whoever else could be asked.
bool ends_call(const Error& error);

std::string pull_scope(const Reference& repository);
std::string push_scope(const Reference& repository);
/// "https://HOST/v2/NAME/".
std::string repository_url(const Registry& registry, const Reference& repository);
/// What a manifest is stored under: the tag if there is one, else the digest.
std::string stored_as(const Reference& reference);
/// The Accept header for all manifests and indexes.
std::string accepted_manifests();

/// Whether a registry has a blob; data_corruption if it says that it has another size.
bool blob_is_there(RegistryAccess& access, const Registry& registry, const std::string& scope,
                   const Reference& repository, const Descriptor& descriptor,
                   const CallOptions& call);

/// What the header Docker-Content-Digest says. One in a form that we do not know says nothing.
std::optional<Digest> announced_digest(const HttpResponse& response);
/// Throws data_corruption if the answer announces another digest than `expected`.
void check_announced(const Answer& answer, const Digest& expected, std::string_view what);

}  // namespace vmkit::oci
