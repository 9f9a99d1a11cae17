// SPDX-License-Identifier: Apache-2.0
#include "oci/http/exchange.hpp"

#include <algorithm>
#include <utility>

#include "oci/auth/base64.hpp"
#include "oci/document/json.hpp"

namespace vmkit::oci {
namespace {

constexpr int most_redirects = 5;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// What a registry says about its error, in the form that the distribution specification gives.
/// Pages for people, which proxies send, say nothing here.
std::string registry_message(const std::string& body) {
  try {
    const auto json = parse_json(body, "error");
    for (const JsonObject& error : JsonObject(json, "error").objects("errors", 100)) {
      std::string text = error.text("code");
      if (const std::string message = error.text("message"); !message.empty()) {
        text += (text.empty() ? "" : ": ") + message;
      }
      return text;
    }
  } catch (const Error&) {
    // Not in that form.
  }
  return {};
}

/// What a server could repeat of an Authorization header.
std::vector<std::string> secrets_of(const std::string& authorization) {
  const std::string value = authorization.substr(authorization.find(' ') + 1);
  std::vector<std::string> result = {value};
  if (authorization.starts_with("Basic ")) {
    if (const auto plain = base64_decode(value)) {
      if (const std::size_t colon = plain->find(':'); colon != plain->npos) {
        result.push_back(plain->substr(colon + 1));
      }
    }
  }
  return result;
}

/// `text` without the secrets, which a server may have put into what it says of an error.
std::string without(const std::vector<std::string>& secrets, std::string text) {
  constexpr std::string_view instead = "***";
  for (const std::string& secret : secrets) {
    if (secret.empty()) continue;
    for (std::size_t at = 0; (at = text.find(secret, at)) != text.npos; at += instead.size()) {
      text.replace(at, secret.size(), instead);
    }
  }
  return text;
}

Errc code_of_status(int status) {
  if (status == 401) return Errc::unauthenticated;
  if (status == 403) return Errc::permission_denied;
  if (status == 404 || status == 410) return Errc::not_found;
  if (status == 408 || status == 429 || status >= 500) return Errc::unavailable;
  if (status == 405 || status == 406 || status == 415) return Errc::unsupported;
  if (status == 413) return Errc::resource_exhausted;
  return Errc::data_corruption;  // not an answer that the protocol knows here
}

}  // namespace

bool Registry::owns(const std::string& url) const {
  return HttpUrl::parse(url) == HttpUrl::parse(base_url());
}

void Registry::configure(HttpRequest& request) const {
  request.ca_file = options.ca_file;
  request.proxy = options.proxy;
  const bool own = owns(request.url);
  request.client_certificate = own ? options.client_certificate : std::filesystem::path();
  request.client_key = own ? options.client_key : std::filesystem::path();
  request.accept_any_certificate = own && options.accept_any_certificate;
}

bool Answer::transient() const {
  if (response.failure) return response.may_retry_failure;
  return response.status == 408 || response.status == 429 || response.status >= 500;
}

Exchanger::Exchanger(const RegistryClientOptions& options)
    : client_({options.connect_timeout, options.stall_timeout}, options.user_agent),
      log_(options.log, "oci") {}

Answer Exchanger::send(HttpRequest request, const std::string& authorization, const HttpBody& body,
                       const CallOptions& options) {
  const auto origin = HttpUrl::parse(request.url);
  if (!origin) throw Error(Errc::invalid_argument, "\"" + request.url + "\" is not an http URL");
  const HttpRequest first = request;
  HttpUrl at = *origin;
  std::vector<std::string> secrets = request.secrets;
  if (!authorization.empty()) {
    const auto more = secrets_of(authorization);
    secrets.insert(secrets.end(), more.begin(), more.end());
  }
  for (int redirects = 0;; ++redirects) {
    Answer answer;
    answer.host = at.host + ':' + at.port;
    answer.url = request.url;
    answer.same_origin = at == *origin;
    answer.secrets = secrets;
    request.headers = first.headers;
    if (answer.same_origin && !authorization.empty()) {
      request.headers.push_back("Authorization: " + authorization);
    }
    request.client_certificate = answer.same_origin ? first.client_certificate : "";
    request.client_key = answer.same_origin ? first.client_key : "";
    request.accept_any_certificate = answer.same_origin && first.accept_any_certificate;
    answer.response = client_.exchange(request, body, options);
    log_.debug("request", {{"url", at.scheme + "://" + answer.host},
                           {"http", answer.response.version},
                           {"status", std::to_string(answer.response.status)}});
    if (answer.response.failure || !is_redirect(answer.response.status)) return answer;

    const auto next = HttpUrl::parse(answer.response.redirect_url);
    const std::string from = answer.host + " answered " + std::to_string(answer.response.status);
    if (!next) throw Error(Errc::unavailable, from + " with no usable Location");
    const bool reads = request.method == HttpMethod::get || request.method == HttpMethod::head;
    if (answer.response.status == 303 && !reads) {
      throw Error(Errc::unavailable, from + " to a request that no other may stand in for");
    }
    if (!request.secrets.empty()) {
      throw Error(Errc::permission_denied,
                  from + " with a redirect to " + next->host +
                      ", which is not followed with a secret in the request");
    }
    if (redirects == most_redirects) {
      throw Error(Errc::unavailable,
                  from + " again after " + std::to_string(most_redirects) + " redirects");
    }
    if (at.scheme == "https" && next->scheme != "https") {
      throw Error(Errc::permission_denied, from + " with a redirect from https to plain http at " +
                                               next->host + ", which is not followed");
    }
    request.url = answer.response.redirect_url;
    at = *next;
  }
}

Backoff::Backoff(const RetryOptions& options, const Logger& log) : options_(options), log_(log) {}

void Backoff::pause(const Error& error, const HttpResponse& response, const CallOptions& options) {
  if (++failures_ >= options_.attempts) {
    if (options_.attempts == 1) throw error;
    throw error.with_context("given up after " + std::to_string(options_.attempts) + " attempts");
  }
  std::chrono::milliseconds wait;
  if (response.retry_after) {
    if (*response.retry_after > options_.longest_retry_after) {
      throw error.with_context("try again in " + std::to_string(response.retry_after->count()) +
                               " seconds");
    }
    wait = *response.retry_after;
  } else {
    const auto longest = options_.longest_pause;
    wait = std::min(longest, options_.first_pause);
    for (int i = 1; i < failures_ && wait < longest; ++i) wait = std::min(longest, wait * 2);
    std::uniform_int_distribution<long long> half(wait.count() / 2, wait.count());
    wait = std::chrono::milliseconds(half(random_));
  }
  log_.warning("trying again",
               {{"error", error.what()}, {"pause_ms", std::to_string(wait.count())}});
  options.stop.wait_for(options.remaining(wait));
  options.check(error.what());
}

Error error_of(const Answer& answer, std::string_view what) {
  const HttpResponse& response = answer.response;
  if (response.failure) return response.failure->with_context(what);
  std::string message(what);
  message += ": " + answer.host + " answered " + std::to_string(response.status);
  Errc code = code_of_status(response.status);
  std::string detail = without(answer.secrets, registry_message(response.error_body));
  if (!detail.empty()) {
    detail.resize(std::min<std::size_t>(detail.size(), 200));
    std::replace_if(
        detail.begin(), detail.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    message += " (" + detail + ")";
    if (response.status == 400 && detail.starts_with("UNSUPPORTED")) code = Errc::unsupported;
  }
  if (response.status == 429) message += ": it accepts no more requests for now";
  return Error(code, std::move(message), NativeError{ErrorDomain::http, response.status});
}

}  // namespace vmkit::oci
