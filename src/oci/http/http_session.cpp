// SPDX-License-Identifier: Apache-2.0
#include "oci/http/http_session.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "oci/document/ascii.hpp"

namespace vmkit::oci {
namespace {

constexpr std::size_t most_header_bytes = 256 * 1024;
/// More of an error's body is not read: it may have no end.
constexpr std::size_t most_error_bytes = 64 * 1024;
constexpr std::size_t receive_buffer_size = 256 * 1024;
constexpr long send_buffer_size = 256 * 1024;
constexpr std::uint64_t stall_bytes = 1024;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

bool is_certificate_problem(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
         code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

bool may_retry(CURLcode code) {
  return !is_certificate_problem(code) && code != CURLE_URL_MALFORMAT &&
         code != CURLE_UNSUPPORTED_PROTOCOL && code != CURLE_SSL_CONNECT_ERROR &&
         code != CURLE_LOGIN_DENIED && code != CURLE_SSL_CERTPROBLEM;
}

const char* name_of(HttpMethod method) {
  switch (method) {
    case HttpMethod::get:
      return "GET";
    case HttpMethod::head:
      return "HEAD";
    case HttpMethod::put:
      return "PUT";
    case HttpMethod::post:
      return "POST";
    case HttpMethod::patch:
      return "PATCH";
    case HttpMethod::delete_:
      return "DELETE";
  }
  throw Error(Errc::internal, "an HTTP method without a name");
}

/// "2" of "HTTP/2 200 ".
std::string version_in(std::string_view status_line) {
  status_line.remove_prefix(std::strlen("HTTP/"));
  return std::string(status_line.substr(0, status_line.find(' ')).substr(0, 8));
}

std::string advice(CURLcode code) {
  if (is_certificate_problem(code)) {
    return "; its certificate must be signed by a trusted authority: see ca_file";
  }
  if (code == CURLE_SSL_CONNECT_ERROR) {
    return "; a registry without TLS is only spoken to when plain HTTP is asked for";
  }
  if (code == CURLE_SSL_CERTPROBLEM) {
    return "; see client_certificate and client_key, which are PEM files";
  }
  return {};
}

}  // namespace

HttpClient::Session::Session() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
  if (multi_ == nullptr || easy_ == nullptr) {
    release();
    throw Error(Errc::resource_exhausted, "libcurl cannot make a handle");
  }
}

void HttpClient::Session::renew_handle() {
  if (!std::exchange(failed_, false)) return curl_easy_reset(easy_);
  // After a name that could not be looked up libcurl 7.88 refuses the size of the buffer. What is
  // worth keeping, such as connections, is in the other handle.
  CURL* const fresh = curl_easy_init();
  if (fresh == nullptr) throw Error(Errc::resource_exhausted, "libcurl cannot make a handle");
  curl_easy_cleanup(std::exchange(easy_, fresh));
}

void HttpClient::Session::configure(const HttpRequest& request, const HttpTimeouts& timeouts,
                                    const std::string& user_agent, curl_slist* headers) {
  renew_handle();
  error_buffer_.fill('\0');
  set(CURLOPT_ERRORBUFFER, error_buffer_.data());
  set(CURLOPT_URL, request.url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
  set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  // Leave a name look-up that hangs to itself: waiting for it would make cancelling slow.
  set(CURLOPT_QUICK_EXIT, 1L);
#endif
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  configure_method(request);
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_USERAGENT, user_agent.c_str());
  if (request.decode_content) set(CURLOPT_ACCEPT_ENCODING, "gzip");
  // Set although empty: unset, libcurl would ask the environment.
  set(CURLOPT_PROXY, request.proxy.c_str());
  set(CURLOPT_NOPROXY, "");
  configure_tls(request);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeouts.connect.count()));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_BUFFERSIZE, static_cast<long>(receive_buffer_size));
  set(CURLOPT_HEADERFUNCTION, &Session::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &Session::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
}

void HttpClient::Session::configure_tls(const HttpRequest& request) {
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  if (!request.ca_file.empty()) {
    set(CURLOPT_CAINFO, request.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  if (!request.client_certificate.empty()) {
    set(CURLOPT_SSLCERT, request.client_certificate.c_str());
    // One file may hold both.
    set(CURLOPT_SSLKEY, request.client_key.empty() ? request.client_certificate.c_str()
                                                   : request.client_key.c_str());
  }
  if (request.accept_any_certificate) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

void HttpClient::Session::configure_method(const HttpRequest& request) {
  if (request.method == HttpMethod::get) return;
  if (request.method == HttpMethod::head) {
    set(CURLOPT_NOBODY, 1L);
    return;
  }
  set(CURLOPT_CUSTOMREQUEST, name_of(request.method));
  if (request.method == HttpMethod::delete_) return;
  // libcurl itself asks for "100 Continue" before a payload of more than 1 MiB and does not wait
  // longer than a second for it: one that is refused or redirected is mostly not sent at all.
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_INFILESIZE_LARGE,
      static_cast<curl_off_t>(request.payload ? request.payload->size : 0));
  set(CURLOPT_UPLOAD_BUFFERSIZE, send_buffer_size);
  set(CURLOPT_READFUNCTION, &Session::on_payload);
  set(CURLOPT_READDATA, static_cast<void*>(this));
  set(CURLOPT_SEEKFUNCTION, &Session::on_seek);
  set(CURLOPT_SEEKDATA, static_cast<void*>(this));
}

std::size_t HttpClient::Session::give_payload(std::span<std::byte> buffer) {
  try {
    const std::uint64_t size = request_->payload ? request_->payload->size : 0;
    const auto left = std::min<std::uint64_t>(buffer.size(), size - payload_sent_);
    if (left == 0) return 0;
    const auto before = Clock::now();
    if (!payload_) payload_ = request_->payload->open();
    const std::size_t count = payload_->read(buffer.first(left));
    // Time that the giver took is not the registry's.
    window_start_ += Clock::now() - before;
    if (count == 0) {
      throw Error(Errc::data_corruption, "what is sent to " + place_of(request_->url) +
                                             " ended after " + std::to_string(payload_sent_) +
                                             " of " + std::to_string(size) + " bytes");
    }
    window_bytes_ += count;
    payload_sent_ += count;
    return count;
  } catch (...) {
    thrown_ = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
}

/// Only back to the beginning: that is all that libcurl ever wants.
bool HttpClient::Session::rewind_payload(curl_off_t offset, int origin) {
  if (offset != 0 || origin != SEEK_SET) return false;
  payload_.reset();
  payload_sent_ = 0;
  return true;
}

std::size_t HttpClient::Session::take_header(std::string_view line) {
  try {
    window_bytes_ += line.size();
    header_bytes_ += line.size();
    if (header_bytes_ > most_header_bytes) return 0;
    if (line.starts_with("HTTP/")) {  // a new answer, after 100 or a proxy's own
      response_.headers.clear();
      response_.status = 0;
      header_complete_ = false;
      response_.version = version_in(line);
      return line.size();
    }
    if (trim(line).empty()) header_complete_ = true;
    if (const std::size_t colon = line.find(':'); colon != line.npos) {
      response_.headers[ascii_lower(std::string(trim(line.substr(0, colon))))].emplace_back(
          trim(line.substr(colon + 1)));
    }
    return line.size();
  } catch (...) {
    thrown_ = std::current_exception();
    return 0;
  }
}

void HttpClient::Session::learn_status() {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  curl_off_t length = -1;
  curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (length >= 0) response_.content_length = static_cast<std::uint64_t>(length);
}

std::size_t HttpClient::Session::take_body(std::span<const std::byte> data) {
  try {
    if (response_.status == 0) learn_status();
    window_bytes_ += data.size();
    if (response_.status / 100 != 2) return take_error_body(data);
    if (gathered_.size() + data.size() > receive_buffer_size) give_body();
    gathered_.insert(gathered_.end(), data.begin(), data.end());
    return data.size();
  } catch (...) {
    thrown_ = std::current_exception();
    return data.size() + 1;  // anything else than the size: libcurl ends the transfer
  }
}

void HttpClient::Session::give_body() {
  if (gathered_.empty()) return;
  const auto before = Clock::now();
  if (*body_) (*body_)(response_, gathered_);
  gathered_.clear();
  // Time that the receiver took is not the registry's.
  window_start_ += Clock::now() - before;
}

std::size_t HttpClient::Session::take_error_body(std::span<const std::byte> data) {
  std::string& text = response_.error_body;
  const std::size_t wanted = std::min(data.size(), most_error_bytes - text.size());
  text.append(reinterpret_cast<const char*>(data.data()), wanted);
  enough_ = wanted < data.size();
  return wanted;
}

bool HttpClient::Session::stalled(const HttpTimeouts& timeouts) {
  const auto now = Clock::now();
  if (now - window_start_ < timeouts.stall) return false;
  if (window_bytes_ < stall_bytes) return true;
  window_start_ = now;
  window_bytes_ = 0;
  return false;
}

CURLcode HttpClient::Session::transfer(const std::string& place, const HttpTimeouts& timeouts,
                                       const CallOptions& options) {
  struct Added {
    CURLM* multi;
    CURL* easy;
    ~Added() { curl_multi_remove_handle(multi, easy); }
  };
  if (curl_multi_add_handle(multi_, easy_) != CURLM_OK) {
    throw Error(Errc::internal, "libcurl refused a transfer");
  }
  const Added added{multi_, easy_};
  const StopCallback on_stop(options.stop, [this] { curl_multi_wakeup(multi_); });
  window_start_ = Clock::now();
  window_bytes_ = 0;
  for (;;) {
    int running = 0;
    if (const CURLMcode code = curl_multi_perform(multi_, &running); code != CURLM_OK) {
      throw Error(Errc::internal, std::string("libcurl: ") + curl_multi_strerror(code));
    }
    if (!thrown_) give_body();
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
    options.check("request to " + place);
    if (stalled(timeouts)) {
      stall_message_ =
          request_->payload ? "nothing sent or received for " : "nothing received for ";
      stall_message_ += std::to_string(timeouts.stall.count()) + " ms";
      return CURLE_OPERATION_TIMEDOUT;
    }
    const auto patience = options.remaining(timeouts.stall - (Clock::now() - window_start_));
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(std::max<long long>(milliseconds, 0)),
                    nullptr);
  }
}

Error HttpClient::Session::failure_of(CURLcode code, const std::string& place) const {
  std::string detail = stall_message_.empty() ? error_buffer_.data() : stall_message_;
  if (detail.empty()) detail = curl_easy_strerror(code);
  long os_errno = 0;
  curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_errno);
  if (code == CURLE_COULDNT_CONNECT && os_errno != 0) {
    detail += " (" + std::generic_category().message(static_cast<int>(os_errno)) + ')';
  }
  return Error(code == CURLE_SSL_CERTPROBLEM ? Errc::invalid_argument : Errc::unavailable,
               place + ": " + detail + advice(code), NativeError{ErrorDomain::curl, code});
}

HttpResponse HttpClient::Session::run(const HttpRequest& request, const HttpTimeouts& timeouts,
                                      const std::string& user_agent, const HttpBody& body,
                                      const CallOptions& options) {
  List headers;
  for (const std::string& header : request.headers) {
    curl_slist* longer = curl_slist_append(headers.get(), header.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    headers.release();
    headers.reset(longer);
  }
  response_ = {};
  header_bytes_ = 0;
  header_complete_ = false;
  thrown_ = nullptr;
  enough_ = false;
  stall_message_.clear();
  request_ = &request;
  body_ = &body;
  payload_sent_ = 0;
  gathered_.clear();
  configure(request, timeouts, user_agent, headers.get());
  const std::string place = place_of(request.url);
  failed_ = true;
  const CURLcode code = transfer(place, timeouts, options);
  failed_ = code != CURLE_OK;
  payload_.reset();
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  learn_status();

  curl_off_t retry_after = 0;
  curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &retry_after);
  if (retry_after > 0) response_.retry_after = std::chrono::seconds(retry_after);
  const char* redirect = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &redirect);
  if (redirect != nullptr) response_.redirect_url = redirect;
  if (code != CURLE_OK && !enough_) {
    response_.failure = failure_of(code, place);
    response_.may_retry_failure = may_retry(code);
  } else if (!header_complete_) {  // which libcurl takes for an answer without a body
    response_.failure =
        Error(Errc::unavailable, place + ": the connection was closed in the middle of the header",
              NativeError{ErrorDomain::curl, CURLE_RECV_ERROR});
    response_.may_retry_failure = true;
  }
  return std::move(response_);
}

}  // namespace vmkit::oci
