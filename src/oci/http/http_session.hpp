// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <curl/curl.h>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "oci/http/http.hpp"

namespace vmkit::oci {

/// One easy handle in a multi handle of its own: the multi handle keeps the connections, and lets
/// another thread wake this one.
class HttpClient::Session {
 public:
  Session();
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

  void renew_handle();
  void configure(const HttpRequest& request, const HttpTimeouts& timeouts,
                 const std::string& user_agent, curl_slist* headers);
  void configure_tls(const HttpRequest& request);
  void configure_method(const HttpRequest& request);
  CURLcode transfer(const std::string& place, const HttpTimeouts& timeouts,
                    const CallOptions& options);
  void learn_status();
  bool stalled(const HttpTimeouts& timeouts);
  std::size_t take_header(std::string_view line);
  std::size_t take_body(std::span<const std::byte> data);
  void give_body();
  std::size_t take_error_body(std::span<const std::byte> data);
  std::size_t give_payload(std::span<std::byte> buffer);
  bool rewind_payload(curl_off_t offset, int origin);
  Error failure_of(CURLcode code, const std::string& place) const;

  // libcurl is C: nothing may be thrown through it, so the callbacks keep the exception.
  static std::size_t on_header(char* data, std::size_t, std::size_t length, void* self) noexcept {
    return static_cast<Session*>(self)->take_header({data, length});
  }
  static std::size_t on_body(char* data, std::size_t, std::size_t length, void* self) noexcept {
    return static_cast<Session*>(self)->take_body(std::as_bytes(std::span(data, length)));
  }
  static std::size_t on_payload(char* buffer, std::size_t, std::size_t size, void* self) noexcept {
    return static_cast<Session*>(self)->give_payload(
        std::as_writable_bytes(std::span(buffer, size)));
  }
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept {
    return static_cast<Session*>(self)->rewind_payload(offset, origin) ? CURL_SEEKFUNC_OK
                                                                       : CURL_SEEKFUNC_CANTSEEK;
  }

  CURLM* multi_;
  CURL* easy_;
  bool failed_ = false;  // the last exchange
  // Of the exchange that runs now:
  const HttpRequest* request_ = nullptr;
  const HttpBody* body_ = nullptr;
  std::unique_ptr<Source> payload_;  // as far as it has been sent
  std::uint64_t payload_sent_ = 0;
  HttpResponse response_;
  // libcurl gives 16 KiB at a time, and each write of a file has its price: what came together is
  // handed on together.
  std::vector<std::byte> gathered_;
  std::size_t header_bytes_ = 0;
  bool header_complete_ = false;
  std::exception_ptr thrown_;
  bool enough_ = false;  // the transfer was ended because no more of it is wanted
  std::array<char, CURL_ERROR_SIZE> error_buffer_;
  std::string stall_message_;
  std::uint64_t window_bytes_ = 0;
  Clock::time_point window_start_;
};

}  // namespace vmkit::oci
