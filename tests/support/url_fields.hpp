// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace vmkit::test {

using UrlFields = std::multimap<std::string, std::string>;

/// The fields of a query or of a form ("a=b&c=d%20e"), decoded.
inline UrlFields url_fields(std::string_view text) {
  UrlFields result;
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    std::string value;
    for (std::size_t i = field.find('=') + 1; i < field.size(); ++i) {
      if (field[i] == '%') {
        value += static_cast<char>(std::stoi(std::string(field.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        value += field[i] == '+' ? ' ' : field[i];
      }
    }
    result.emplace(field.substr(0, field.find('=')), value);
    text.remove_prefix(std::min(field.size() + 1, text.size()));
  }
  return result;
}

}  // namespace vmkit::test
