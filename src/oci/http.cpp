// SPDX-License-Identifier: Apache-2.0
#include "oci/http.hpp"

#include <algorithm>
#include <array>
#include <curl/curl.h>
#include <exception>
#include <system_error>
#include <utility>

namespace vmkit::oci {
namespace {

constexpr std::size_t most_header_bytes = 256 * 1024;
/// More of an error's body is not read: it may have no end.
constexpr std::size_t most_error_bytes = 64 * 1024;
constexpr long receive_buffer_size = 256 * 1024;
constexpr std::uint64_t stall_bytes = 1024;

/// libcurl needs this once in a process; it counts, is thread-safe in all versions that we build
/// with, and undoing it would pull the rug from under a host that uses libcurl too.
void initialize_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) throw Error(Errc::internal, "libcurl cannot be initialized");
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// For messages. Never the whole URL: that of a redirect may hold a signature, which is a secret.
std::string place_of(const std::string& url) {
  const auto parts = HttpUrl::parse(url);
  return parts ? parts->host + ':' + parts->port : "an address that is no http URL";
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
         code != CURLE_LOGIN_DENIED;
}

std::string advice(CURLcode code) {
  if (is_certificate_problem(code)) {
    return "; its certificate must be signed by a trusted authority: see ca_file";
  }
  if (code == CURLE_SSL_CONNECT_ERROR) {
    return "; a registry without TLS is only spoken to when plain HTTP is asked for";
  }
  return {};
}

}  // namespace

/// One easy handle in a multi handle of its own: the multi handle keeps the connections, and lets
/// another thread wake this one.
class HttpClient::Session {
 public:
  Session() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
    if (multi_ == nullptr || easy_ == nullptr) {
      release();
      throw Error(Errc::resource_exhausted, "libcurl cannot make a handle");
    }
  }
  ~Session() { release(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  HttpResponse run(const HttpRequest& request, const HttpTimeouts& timeouts,
                   const std::string& user_agent, const HttpBody& body, const CallOptions& options);

 private:
  using Clock = std::chrono::steady_clock;

  void release() {
    if (easy_ != nullptr) curl_easy_cleanup(easy_);
    if (multi_ != nullptr) curl_multi_cleanup(multi_);
  }

  template <class Value>
  void set(CURLoption option, Value value) {
    if (const CURLcode code = curl_easy_setopt(easy_, option, value); code != CURLE_OK) {
      throw Error(Errc::internal, "libcurl refused option " + std::to_string(option) + ": " +
                                      curl_easy_strerror(code));
    }
  }

  void configure(const HttpRequest& request, const HttpTimeouts& timeouts,
                 const std::string& user_agent, curl_slist* headers);
  CURLcode transfer(const std::string& place, const HttpTimeouts& timeouts,
                    const CallOptions& options);
  void learn_status();
  bool stalled(const HttpTimeouts& timeouts);
  std::size_t take_header(std::string_view line);
  std::size_t take_body(std::span<const std::byte> data);
  std::size_t take_error_body(std::span<const std::byte> data);

  // libcurl is C: nothing may be thrown through it, so the callbacks keep the exception.
  static std::size_t on_header(char* data, std::size_t, std::size_t length, void* self) noexcept {
    return static_cast<Session*>(self)->take_header({data, length});
  }
  static std::size_t on_body(char* data, std::size_t, std::size_t length, void* self) noexcept {
    return static_cast<Session*>(self)->take_body(std::as_bytes(std::span(data, length)));
  }

  CURLM* multi_;
  CURL* easy_;
  // Of the exchange that runs now:
  const HttpBody* body_ = nullptr;
  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  bool header_complete_ = false;
  std::exception_ptr thrown_;
  bool enough_ = false;  // the transfer was ended because no more of it is wanted
  std::array<char, CURL_ERROR_SIZE> error_buffer_;
  std::string stall_message_;
  std::uint64_t window_bytes_ = 0;
  Clock::time_point window_start_;
};

void HttpClient::Session::configure(const HttpRequest& request, const HttpTimeouts& timeouts,
                                    const std::string& user_agent, curl_slist* headers) {
  curl_easy_reset(easy_);
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
  set(CURLOPT_NOBODY, request.method == HttpMethod::head ? 1L : 0L);
  if (request.method == HttpMethod::post) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.form.size()));
    set(CURLOPT_POSTFIELDS, request.form.c_str());
  }
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_USERAGENT, user_agent.c_str());
  if (request.decode_content) set(CURLOPT_ACCEPT_ENCODING, "gzip");
  // Set although empty: unset, libcurl would ask the environment.
  set(CURLOPT_PROXY, request.proxy.c_str());
  set(CURLOPT_NOPROXY, "");
  if (!request.ca_file.empty()) {
    set(CURLOPT_CAINFO, request.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeouts.connect.count()));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_BUFFERSIZE, receive_buffer_size);
  set(CURLOPT_HEADERFUNCTION, &Session::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &Session::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
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
      return line.size();
    }
    if (trim(line).empty()) header_complete_ = true;
    if (const std::size_t colon = line.find(':'); colon != line.npos) {
      response_.headers[lower(trim(line.substr(0, colon)))].emplace_back(
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
    const auto before = Clock::now();
    if (*body_) (*body_)(response_, data);
    // Time that the receiver took is not the registry's.
    window_start_ += Clock::now() - before;
    return data.size();
  } catch (...) {
    thrown_ = std::current_exception();
    return data.size() + 1;  // anything else than the size: libcurl ends the transfer
  }
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
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
    options.check("request to " + place);
    if (stalled(timeouts)) {
      stall_message_ = "nothing received for " + std::to_string(timeouts.stall.count()) + " ms";
      return CURLE_OPERATION_TIMEDOUT;
    }
    const auto patience = options.remaining(timeouts.stall - (Clock::now() - window_start_));
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(std::max<long long>(milliseconds, 0)),
                    nullptr);
  }
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
  body_ = &body;
  configure(request, timeouts, user_agent, headers.get());
  const std::string place = place_of(request.url);
  const CURLcode code = transfer(place, timeouts, options);
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  learn_status();

  curl_off_t retry_after = 0;
  curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &retry_after);
  if (retry_after > 0) response_.retry_after = std::chrono::seconds(retry_after);
  const char* redirect = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &redirect);
  if (redirect != nullptr) response_.redirect_url = redirect;
  if (code != CURLE_OK && !enough_) {
    std::string detail = stall_message_.empty() ? error_buffer_.data() : stall_message_;
    long os_errno = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_errno);
    if (code == CURLE_COULDNT_CONNECT && os_errno != 0) {
      detail += " (" + std::generic_category().message(static_cast<int>(os_errno)) + ')';
    }
    response_.failure =
        Error(Errc::unavailable,
              place + ": " + (detail.empty() ? std::string(curl_easy_strerror(code)) : detail) +
                  advice(code),
              NativeError{ErrorDomain::curl, code});
    response_.may_retry_failure = may_retry(code);
  } else if (!header_complete_) {  // which libcurl takes for an answer without a body
    response_.failure =
        Error(Errc::unavailable, place + ": the connection was closed in the middle of the header",
              NativeError{ErrorDomain::curl, CURLE_RECV_ERROR});
    response_.may_retry_failure = true;
  }
  return std::move(response_);
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

std::optional<HttpUrl> HttpUrl::parse(const std::string& text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) != 0) {
    return std::nullopt;
  }
  const auto part = [&](CURLUPart which, unsigned flags) {
    char* value = nullptr;
    if (curl_url_get(url.get(), which, &value, flags) != 0) return std::string();
    std::string result = lower(value);
    curl_free(value);
    return result;
  };
  HttpUrl result{part(CURLUPART_SCHEME, 0), part(CURLUPART_HOST, 0),
                 part(CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  if ((result.scheme != "http" && result.scheme != "https") || result.host.empty()) {
    return std::nullopt;
  }
  return result;
}

std::string percent_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += '%';
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  return result;
}

}  // namespace vmkit::oci
