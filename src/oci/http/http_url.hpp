// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmkit::oci {

/// The parts of an absolute http or https URL that say who is spoken to. A port is always there.
struct HttpUrl {
  std::string scheme;
  std::string host;
  std::string port;

  /// nullopt for anything else, or for one that holds a user name.
  static std::optional<HttpUrl> parse(const std::string& url);
  friend bool operator==(const HttpUrl&, const HttpUrl&) = default;
};

/// Host and port of a URL, for messages. Never the whole URL: that of a redirect may hold a
/// signature, which is a secret.
std::string place_of(const std::string& url);

/// What a Location or a Link says, read where it was found: absolute, or relative to `base`.
/// nullopt if that gives no URL that HttpUrl can read.
std::optional<std::string> resolve_url(const std::string& base, const std::string& reference);

/// `url` with "name=value" added to its query. The value is encoded, the name is not.
std::string with_query(std::string url, std::string_view name, std::string_view value);

/// Everything but letters, digits, "-", ".", "_" and "~" as %XX.
std::string percent_encode(std::string_view text);

}  // namespace vmkit::oci
