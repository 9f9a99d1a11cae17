// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/challenge.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "oci/document/ascii.hpp"

namespace vmkit::oci {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_token_character(char c) {
  return is_alphanumeric(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::vector<Challenge> run() {
    std::vector<Challenge> result;
    for (;;) {
      skip(" \t,");
      const std::string word = token();
      if (word.empty()) return result;
      const std::size_t blanks = skip(" \t");
      if (!result.empty() && rest_.starts_with('=')) {  // a parameter of the last challenge
        rest_.remove_prefix(1);
        skip(" \t");
        auto value = rest_.starts_with('"') ? quoted_string() : std::optional(token());
        if (!value) return result;
        result.back().parameters.emplace(ascii_lower(word), *std::move(value));
      } else {
        result.push_back({ascii_lower(word), {}});
        if (blanks > 0) skip_token68();
      }
    }
  }

 private:
  std::size_t skip(std::string_view characters) {
    const std::size_t count = std::min(rest_.find_first_not_of(characters), rest_.size());
    rest_.remove_prefix(count);
    return count;
  }

  std::string token() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_token_character);
    const auto length = static_cast<std::size_t>(end - rest_.begin());
    std::string result(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return result;
  }

  std::optional<std::string> quoted_string() {
    std::string result;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return result;
      }
      if (rest_[i] == '\\' && ++i == rest_.size()) break;
      result += rest_[i];
    }
    return std::nullopt;
  }

  /// A single value in the place of parameters, as in "Negotiate YII=".
  void skip_token68() {
    std::size_t end = 0;
    while (end < rest_.size() &&
           (is_alphanumeric(rest_[end]) ||
            std::string_view("-._~+/").find(rest_[end]) != std::string_view::npos)) {
      ++end;
    }
    while (end < rest_.size() && rest_[end] == '=') ++end;
    const std::size_t after = std::min(rest_.find_first_not_of(" \t", end), rest_.size());
    if (after == rest_.size() || rest_[after] == ',') rest_.remove_prefix(after);
  }

  std::string_view rest_;
};

}  // namespace

std::string Challenge::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

std::vector<Challenge> parse_challenges(std::string_view header) {
  return Parser(header).run();
}

}  // namespace vmkit::oci
