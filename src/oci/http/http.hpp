// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/http/http_url.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::oci {

enum class HttpMethod { get, head, put, post, patch, delete_ };

/// What a request carries.
struct HttpPayload {
  std::uint64_t size = 0;
  /// Called, in the thread of the exchange, each time that the payload is sent from its beginning:
  /// after a redirect, a refused token or a connection that was closed, more than once. A source
  /// that ends early ends the exchange with data_corruption; what it throws comes out of
  /// HttpClient::exchange. It must itself honour the call's stop.
  std::function<std::unique_ptr<Source>()> open = {};

  static HttpPayload of(std::string text);
};

struct HttpRequest {
  HttpMethod method = HttpMethod::get;
  std::string url;
  std::vector<std::string> headers = {};  ///< "Name: value".
  /// Undo a Content-Encoding. Not for blobs: their digest is of the bytes as stored.
  bool decode_content = false;
  std::filesystem::path ca_file = {};
  std::string proxy = {};
  std::filesystem::path client_certificate = {};
  std::filesystem::path client_key = {};
  bool accept_any_certificate = false;
  /// What of it, besides the Authorization header, no message may show, whoever repeats it. With
  /// secrets in the payload no redirect is followed.
  std::vector<std::string> secrets = {};
  /// For put, post and patch; without one they send an empty body.
  std::optional<HttpPayload> payload = {};
};

struct HttpResponse {
  int status = 0;                                                ///< 0: there was no answer.
  std::string version = {};                                      ///< Of HTTP: "1.1", "2".
  std::map<std::string, std::vector<std::string>> headers = {};  ///< By lower-case name.
  std::optional<std::uint64_t> content_length = {};
  std::optional<std::chrono::seconds> retry_after = {};
  std::string redirect_url = {};  ///< Absolute.
  /// The beginning of the body where the status is not 2xx: what is said of an error.
  std::string error_body = {};
  /// What broke, when the exchange did not come to its end: unavailable, with curl's code.
  std::optional<Error> failure = {};
  bool may_retry_failure = false;

  /// The first header of this (lower-case) name, or empty.
  std::string header(const std::string& name) const;
};

/// Takes the body of a 2xx answer piece by piece; the response's status and headers are known then.
/// What it throws ends the exchange and comes out of HttpClient::exchange.
using HttpBody = std::function<void(const HttpResponse&, std::span<const std::byte>)>;

struct HttpTimeouts {
  std::chrono::milliseconds connect;
  std::chrono::milliseconds stall;
};

/// HTTP over libcurl, HTTP/2 where a TLS server offers it, one exchange at a time in the calling
/// thread: no redirects followed, nothing taken from the environment. Keeps connections and uses
/// them again. Thread-safe.
class HttpClient {
 public:
  HttpClient(HttpTimeouts timeouts, std::string user_agent);
  ~HttpClient();

  /// Throws only cancelled, timeout (the options' deadline) and what `body` and the payload throw.
  HttpResponse exchange(const HttpRequest& request, const HttpBody& body,
                        const CallOptions& options);

 private:
  class Session;

  HttpTimeouts timeouts_;
  std::string user_agent_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;
};

}  // namespace vmkit::oci
