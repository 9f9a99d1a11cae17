// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/challenge.hpp"

#include <algorithm>

#include "fuzz/target.hpp"

namespace {

using vmkit::fuzz::require;
using vmkit::oci::Challenge;

bool is_lower_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' && !(c >= 'A' && c <= 'Z') &&
           std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
  });
}

std::string quoted_text(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

/// A header that says the same.
std::string header_of(const std::vector<Challenge>& challenges) {
  std::string header;
  for (const Challenge& challenge : challenges) {
    header += (header.empty() ? "" : ", ") + challenge.scheme;
    const char* before = " ";
    for (const auto& [name, value] : challenge.parameters) {
      header += before + name + '=' + quoted_text(value);
      before = ", ";
    }
  }
  return header;
}

const vmkit::fuzz::Target target("challenge", [](std::string_view input) {
  const auto challenges = vmkit::oci::parse_challenges(input);
  std::size_t characters = 0;
  for (const Challenge& challenge : challenges) {
    require(is_lower_token(challenge.scheme), "a scheme is a token in lower case");
    characters += challenge.scheme.size();
    for (const auto& [name, value] : challenge.parameters) {
      require(is_lower_token(name), "a parameter's name is a token in lower case");
      require(challenge.parameter(name) == value, "a parameter is found by its name");
      characters += name.size() + value.size();
    }
  }
  require(characters <= input.size(), "nothing is made up");
  const auto again = vmkit::oci::parse_challenges(header_of(challenges));
  require(std::equal(challenges.begin(), challenges.end(), again.begin(), again.end(),
                     [](const Challenge& a, const Challenge& b) {
                       return a.scheme == b.scheme && a.parameters == b.parameters;
                     }),
          "what was read can be written and read again");
});

}  // namespace
