// SPDX-License-Identifier: Apache-2.0
#include "oci/http/link_header.hpp"

#include <algorithm>

namespace vmkit::oci {
namespace {

constexpr std::string_view blanks = " \t";

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x) == y; });
}

/// A token, or the inside of a quoted string.
std::string_view take_value(std::string_view& text) {
  std::string_view value;
  if (text.starts_with('"')) {
    const std::size_t end = std::min(text.find('"', 1), text.size());
    value = text.substr(1, end - 1);
    text.remove_prefix(std::min(end + 1, text.size()));
  } else {
    const std::size_t end = std::min(text.find_first_of(",; \t"), text.size());
    value = text.substr(0, end);
    text.remove_prefix(end);
  }
  return value;
}

/// Whether one of the words of `relations` is "next".
bool has_next(std::string_view relations) {
  while (!relations.empty()) {
    const std::size_t end = std::min(relations.find(' '), relations.size());
    if (same_word(relations.substr(0, end), "next")) return true;
    relations.remove_prefix(std::min(end + 1, relations.size()));
  }
  return false;
}

}  // namespace

std::optional<std::string> next_link(std::string_view header) {
  for (;;) {
    skip_blanks(header);
    const std::size_t end = header.find('>');
    if (!header.starts_with('<') || end == header.npos) return std::nullopt;
    const std::string_view target = header.substr(1, end - 1);
    header.remove_prefix(end + 1);
    bool next = false;
    for (skip_blanks(header); header.starts_with(';'); skip_blanks(header)) {
      header.remove_prefix(1);
      skip_blanks(header);
      const std::size_t name_end = std::min(header.find_first_of("=,; \t"), header.size());
      const std::string_view name = header.substr(0, name_end);
      header.remove_prefix(name_end);
      if (!header.starts_with('=')) continue;
      header.remove_prefix(1);
      const std::string_view value = take_value(header);
      if (same_word(name, "rel") && has_next(value)) next = true;
    }
    if (next) return std::string(target);
    if (!header.starts_with(',')) return std::nullopt;
    header.remove_prefix(1);
  }
}

}  // namespace vmkit::oci
