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

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::oci {

enum class HttpMethod { get, head, post };

struct HttpRequest {
  HttpMethod method = HttpMethod::get;
  std::string url;
  std::vector<std::string> headers = {};  ///< "Name: value".
  /// Undo a Content-Encoding. Not for blobs: their digest is of the bytes as stored.
  bool decode_content = false;
  std::filesystem::path ca_file = {};
  std::string proxy = {};
  std::string form = {};  ///< The body of a POST, URL-encoded.
  /// What of it, besides the Authorization header, no message may show, whoever repeats it. With
  /// secrets in the body no redirect is followed.
  std::vector<std::string> secrets = {};
};

struct HttpResponse {
  int status = 0;                                                ///< 0: there was no answer.
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

/// HTTP over libcurl, one exchange at a time in the calling thread: no redirects followed, nothing
/// taken from the environment. Keeps connections and uses them again. Thread-safe.
class HttpClient {
 public:
  HttpClient(HttpTimeouts timeouts, std::string user_agent);
  ~HttpClient();

  /// Throws only cancelled, timeout (the options' deadline) and what `body` throws.
  HttpResponse exchange(const HttpRequest& request, const HttpBody& body,
                        const CallOptions& options);

 private:
  class Session;

  HttpTimeouts timeouts_;
  std::string user_agent_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;
};

/// The parts of an absolute http or https URL. A port is always there.
struct HttpUrl {
  std::string scheme;
  std::string host;
  std::string port;

  /// nullopt for anything else, or for one that holds a user name.
  static std::optional<HttpUrl> parse(const std::string& url);
  friend bool operator==(const HttpUrl&, const HttpUrl&) = default;
};

/// Everything but letters, digits, "-", ".", "_" and "~" as %XX.
std::string percent_encode(std::string_view text);

}  // namespace vmkit::oci
