// SPDX-License-Identifier: Apache-2.0
#include "oci/http/http.hpp"

#include <algorithm>
#include <curl/curl.h>
#include <utility>

#include "oci/http/http_session.hpp"

namespace vmkit::oci {
namespace {

/// libcurl needs this once in a process; it counts, is thread-safe in all versions that we build
/// with, and undoing it would pull the rug from under a host that uses libcurl too.
void initialize_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) throw Error(Errc::internal, "libcurl cannot be initialized");
}

/// Gives a text that it shares.
class TextSource : public Source {
 public:
  explicit TextSource(std::shared_ptr<const std::string> text) : text_(std::move(text)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const auto left = std::as_bytes(std::span(*text_)).subspan(position_);
    const std::size_t count = std::min(left.size(), buffer.size());
    std::copy_n(left.begin(), count, buffer.begin());
    position_ += count;
    return count;
  }

 private:
  std::shared_ptr<const std::string> text_;
  std::size_t position_ = 0;
};

}  // namespace

HttpPayload HttpPayload::of(std::string text) {
  const auto shared = std::make_shared<const std::string>(std::move(text));
  return {shared->size(), [shared] { return std::make_unique<TextSource>(shared); }};
}

HttpClient::HttpClient(HttpTimeouts timeouts, std::string user_agent)
    : timeouts_(timeouts), user_agent_(std::move(user_agent)) {
  initialize_curl();
}

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::exchange(const HttpRequest& request, const HttpBody& body,
                                  const CallOptions& options) {
  options.check("request to " + place_of(request.url));
  std::unique_ptr<Session> session;
  {
    const std::lock_guard lock(mutex_);
    // The last used first: its connection is the most likely to be open still.
    if (!idle_.empty()) {
      session = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!session) session = std::make_unique<Session>();
  // An exchange that throws takes its session, and so its connections, with it.
  HttpResponse response = session->run(request, timeouts_, user_agent_, body, options);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(session));
  return response;
}

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second.front();
}

}  // namespace vmkit::oci
