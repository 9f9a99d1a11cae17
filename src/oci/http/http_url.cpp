// SPDX-License-Identifier: Apache-2.0
#include "oci/http/http_url.hpp"

#include <algorithm>
#include <curl/curl.h>
#include <memory>

#include "oci/document/ascii.hpp"

namespace vmkit::oci {
namespace {

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

Url make_url(const std::string& text) {
  Url url(curl_url(), &curl_url_cleanup);
  if (url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) != 0) {
    url.reset();
  }
  return url;
}

std::string part_of(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* value = nullptr;
  if (curl_url_get(url.get(), which, &value, flags) != 0) return {};
  std::string result = value;
  curl_free(value);
  return result;
}

}  // namespace

std::optional<HttpUrl> HttpUrl::parse(const std::string& text) {
  const Url url = make_url(text);
  if (!url) return std::nullopt;
  HttpUrl result{ascii_lower(part_of(url, CURLUPART_SCHEME)),
                 ascii_lower(part_of(url, CURLUPART_HOST)),
                 part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  // libcurl takes the escapes of a host apart, so that almost anything may come out of that.
  const bool plain = std::all_of(result.host.begin(), result.host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._:[]").find(c) != std::string_view::npos;
  });
  if ((result.scheme != "http" && result.scheme != "https") || result.host.empty() || !plain) {
    return std::nullopt;
  }
  return result;
}

std::string place_of(const std::string& url) {
  const auto parts = HttpUrl::parse(url);
  return parts ? parts->host + ':' + parts->port : "an address that is no http URL";
}

std::optional<std::string> resolve_url(const std::string& base, const std::string& reference) {
  const Url url = make_url(base);
  // Setting a URL where there is one already reads it as relative to that.
  if (!url || reference.empty() ||
      curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), CURLU_DISALLOW_USER) != 0) {
    return std::nullopt;
  }
  curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  std::string result = part_of(url, CURLUPART_URL);
  if (!HttpUrl::parse(result)) return std::nullopt;
  return result;
}

std::string with_query(std::string url, std::string_view name, std::string_view value) {
  url += url.find('?') == std::string::npos ? '?' : '&';
  url += name;
  url += '=';
  url += percent_encode(value);
  return url;
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
