// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "oci/http/http.hpp"

#include <vmkit/base/log.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// A registry and how it is reached.
struct Registry {
  std::string name;  ///< As in a Reference: "docker.io".
  std::string host;  ///< "registry-1.docker.io".
  RegistryHostOptions options;

  std::string base_url() const { return (options.plain_http ? "http://" : "https://") + host; }
  /// Whether `url` has the scheme, host and port of base_url().
  bool owns(const std::string& url) const;
  /// Says how the request's URL is reached. The client's certificate, and trust in any that is
  /// shown, are between us and the registry alone: for another origin they are left out.
  void configure(HttpRequest& request) const;
};

/// An answer, with what is needed to tell people about it.
struct Answer {
  HttpResponse response;
  std::string host;  ///< Who answered last: differs from the registry's after a redirect.
  std::string url;   ///< The same.
  bool same_origin = true;
  std::vector<std::string> secrets = {};  ///< What of the request no message may repeat.

  bool ok() const { return !response.failure && response.status / 100 == 2; }
  /// Worth another try: a broken transport, 408, 429, 5xx.
  bool transient() const;
};

/// One request and its redirects, and the rules for trying again.
class Exchanger {
 public:
  Exchanger(const RegistryClientOptions& options);

  /// Sends `request` with the Authorization header `authorization` (empty: none), which goes to
  /// the scheme, host and port of the first URL only, as do the client's certificate and trust in
  /// any other. `body` gets the body of a 2xx answer. What writes is repeated as it is where a
  /// redirect leads, except to 303, which means another request. Throws as HttpClient::exchange,
  /// and unavailable for redirects that lead nowhere.
  Answer send(HttpRequest request, const std::string& authorization, const HttpBody& body,
              const CallOptions& options);

  const Logger& log() const { return log_; }

 private:
  HttpClient client_;
  Logger log_;
};

/// So much more of a blob shows that a connection that breaks still gets somewhere.
inline constexpr std::uint64_t worthwhile_progress = 1 << 20;

/// The pauses between attempts at one thing. Confined.
class Backoff {
 public:
  Backoff(const RetryOptions& options, const Logger& log);

  /// Sleeps before the next attempt, or throws `error` if it was the last one, or if the server
  /// asks for more patience than there is.
  void pause(const Error& error, const HttpResponse& response, const CallOptions& options);
  /// What has been gained gives all attempts back.
  void reset() { failures_ = 0; }

 private:
  const RetryOptions& options_;
  const Logger& log_;
  int failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};
};

/// The error that an answer means. `what` says what was asked for.
Error error_of(const Answer& answer, std::string_view what);

}  // namespace vmkit::oci
