// SPDX-License-Identifier: Apache-2.0
#include "vm/nbd_uri.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>

namespace vmkit::vm {
namespace {

constexpr std::string_view over_tcp = "nbd://";
constexpr std::string_view over_unix = "nbd+unix://";
constexpr std::string_view socket_parameter = "socket=";
constexpr std::size_t longest_export = 4096;  // the protocol's own limit for a string

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// RFC 3986, 2.1. Nothing if an escape is none, or stands for a control character.
std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) {
        return std::nullopt;
      }
      c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    }
    if (static_cast<unsigned char>(c) < ' ') return std::nullopt;
    decoded += c;
  }
  return decoded;
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && number >= 1 &&
         number <= 65535;
}

bool is_host(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
  });
}

/// "host", "host:port", "[address]" or "[address]:port" into the URI's parts.
bool take_authority(std::string_view authority, NbdUri& uri) {
  std::string_view host = authority.substr(0, authority.find(':'));
  std::string_view rest = authority.substr(host.size());
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
  }
  uri.host = host;
  uri.port = rest.empty() ? "10809" : std::string(rest.substr(1));
  return is_host(host) && (rest.empty() || rest.front() == ':') && is_port(uri.port);
}

}  // namespace

std::variant<NbdUri, std::string> parse_nbd_uri(std::string_view text) {
  const std::string expected =
      "expected \"nbd://host[:port][/export]\" or \"nbd+unix://[/export]?socket=/path\", found '" +
      std::string(text.substr(0, 200)) + "'";
  const bool local = text.rfind(over_unix, 0) == 0;
  if (!local && text.rfind(over_tcp, 0) != 0) return expected;
  std::string_view rest = text.substr(local ? over_unix.size() : over_tcp.size());
  if (rest.find('#') != std::string_view::npos) return expected;
  const std::size_t question = std::min(rest.find('?'), rest.size());
  const std::string_view query = rest.substr(std::min(question + 1, rest.size()));
  rest = rest.substr(0, question);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const auto name = decode(rest.substr(std::min(slash + 1, rest.size())));
  if (!name || name->size() > longest_export) return expected;
  NbdUri uri{.export_name = *name};
  const std::string_view authority = rest.substr(0, slash);
  if (local) {
    if (!authority.empty() || query.rfind(socket_parameter, 0) != 0) return expected;
    const auto socket = decode(query.substr(socket_parameter.size()));
    if (!socket || socket->empty() || socket->front() != '/') return expected;
    uri.socket = *socket;
  } else if (!query.empty() || !take_authority(authority, uri)) {
    return expected;
  }
  return uri;
}

}  // namespace vmkit::vm
