// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/token_request.hpp"

#include <algorithm>
#include <charconv>
#include <curl/curl.h>
#include <optional>

#include "oci/document/json.hpp"

namespace vmkit::oci {
namespace {

using std::chrono::sys_seconds;

/// What the token specification says for an answer that does not tell.
constexpr std::chrono::seconds default_lifetime{60};
constexpr std::chrono::hours longest_lifetime{24};

HttpRequest request_for(const TokenQuery& query) {
  HttpRequest request;
  request.url = query.realm;
  request.headers = {"Accept: application/json"};
  request.decode_content = true;
  return request;
}

std::string form_field(std::string_view name, std::string_view value) {
  return std::string(name) + '=' + percent_encode(value) + '&';
}

bool fits_in_header(std::string_view token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

/// RFC 3339, "2026-11-22T06:16:16.5+01:00"; the fraction is left out.
std::optional<sys_seconds> parse_time(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t length) -> std::optional<int> {
    int value = 0;
    const std::string_view digits = text.substr(std::min(at, text.size()), length);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + length || value < 0) return std::nullopt;
    return value;
  };
  const auto year = number(0, 4), month = number(5, 2), day = number(8, 2);
  const auto hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  std::size_t zone = 19;
  if (zone < text.size() && text[zone] == '.') {
    zone = std::min(text.find_first_not_of("0123456789", zone + 1), text.size());
  }
  std::chrono::minutes offset{0};
  if (zone < text.size() && (text[zone] == '+' || text[zone] == '-')) {
    const auto hours = number(zone + 1, 2), minutes = number(zone + 4, 2);
    if (!hours || !minutes) return std::nullopt;
    offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    if (text[zone] == '-') offset = -offset;
  } else if (zone >= text.size() || (text[zone] != 'Z' && text[zone] != 'z')) {
    return std::nullopt;
  }
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) - offset;
}

}  // namespace

HttpRequest token_get(const TokenQuery& query) {
  HttpRequest request = request_for(query);
  request.url += query.realm.find('?') == std::string::npos ? '?' : '&';
  if (!query.service.empty()) request.url += form_field("service", query.service);
  for (const std::string& scope : query.scopes) request.url += form_field("scope", scope);
  request.url.pop_back();
  return request;
}

HttpRequest token_post(const TokenQuery& query, const Credential& credential) {
  HttpRequest request = request_for(query);
  request.method = HttpMethod::post;
  request.headers.push_back("Content-Type: application/x-www-form-urlencoded");
  request.headers.push_back("Expect:");  // without asking first whether the body may come
  std::string scopes;
  for (const std::string& scope : query.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  std::string form = form_field("service", query.service) +
                     form_field("client_id", query.client_id) + form_field("scope", scopes);
  if (credential.identity_token.empty()) {
    form += "grant_type=password&access_type=offline&" +
            form_field("username", credential.username) +
            form_field("password", credential.password);
    request.secrets = {credential.password, percent_encode(credential.password)};
  } else {
    form += "grant_type=refresh_token&" + form_field("refresh_token", credential.identity_token);
    request.secrets = {credential.identity_token, percent_encode(credential.identity_token)};
  }
  form.pop_back();
  request.payload = HttpPayload::of(std::move(form));
  return request;
}

bool post_may_be_unknown(const Answer& answer) {
  const int status = answer.response.status;
  if (status != 400) return status == 401 || status == 404 || status == 405 || status == 501;
  try {
    const auto json = parse_json(answer.response.error_body, "error");
    return JsonObject(json, "error").text("error") != "invalid_grant";
  } catch (const Error&) {
    return true;  // not what an OAuth2 server says
  }
}

Token parse_token(const std::string& content, const std::string& what, const std::string& date,
                  std::chrono::system_clock::time_point now) {
  const auto json = parse_json(content, what, {.size = 1_MiB});
  const JsonObject document(json, what);
  Token token{.value = document.text("token"), .refresh_token = document.text("refresh_token")};
  if (token.value.empty()) token.value = document.text("access_token");
  if (!fits_in_header(token.value)) {
    throw Error(Errc::data_corruption, what + ": expected a token, found none that can be sent");
  }
  const std::uint64_t seconds = document.number("expires_in").value_or(0);
  const std::chrono::seconds longest = longest_lifetime;
  token.lifetime = seconds == 0 ? default_lifetime
                                : std::chrono::seconds(std::min<std::uint64_t>(
                                      seconds, static_cast<std::uint64_t>(longest.count())));
  const auto issued_at =
      document.is_text("issued_at") ? parse_time(document.text("issued_at")) : std::nullopt;
  if (issued_at) {
    const std::time_t server_time = curl_getdate(date.c_str(), nullptr);
    const sys_seconds answered_at = server_time >= 0
                                        ? sys_seconds(std::chrono::seconds(server_time))
                                        : std::chrono::floor<std::chrono::seconds>(now);
    const auto age = answered_at - *issued_at;
    if (age > std::chrono::seconds(0) && age < token.lifetime) token.lifetime -= age;
  }
  return token;
}

}  // namespace vmkit::oci
