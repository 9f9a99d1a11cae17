// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "oci/http/exchange.hpp"

#include <vmkit/oci/credentials.hpp>

namespace vmkit::oci {

/// What is asked of a token server.
struct TokenQuery {
  std::string realm;    ///< Its URL.
  std::string service;  ///< Whom the token is for, as the registry's challenge names it.
  std::vector<std::string> scopes;
  std::string client_id;
};

/// The request of the distribution project's token specification: a GET. The credential, if there
/// is one, goes into its Authorization header.
HttpRequest token_get(const TokenQuery& query);

/// The same by OAuth2: a POST that carries the credential, its identity token if it has one.
HttpRequest token_post(const TokenQuery& query, const Credential& credential);

/// Whether a refused POST could mean that the server knows only the GET. Those without POST answer
/// 404 or 405, and some in use 400 or 401; what an OAuth2 server says of a wrong password is final.
bool post_may_be_unknown(const Answer& answer);

struct Token {
  std::string value;
  std::string refresh_token;  ///< Empty: none was given.
  std::chrono::seconds lifetime{};
};

/// Reads the answer of either kind. Throws data_corruption, beginning with `what`.
///
/// A token's life begins when it was issued, by the clock of the server (`date`, its Date header)
/// where it tells, else by `now`. An age above the whole life shows clocks that disagree, and
/// counts as none. Without expires_in it lives for a minute.
Token parse_token(const std::string& content, const std::string& what, const std::string& date,
                  std::chrono::system_clock::time_point now);

}  // namespace vmkit::oci
