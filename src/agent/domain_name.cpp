// SPDX-License-Identifier: Apache-2.0
#include "agent/domain_name.hpp"

#include <algorithm>
#include <cstddef>

namespace vmkit::agent {
namespace {

constexpr std::size_t longest_domain = 253, longest_label = 63;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= longest_label && is_alphanumeric(text.front()) &&
         is_alphanumeric(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || c == '-';
         });
}

}  // namespace

bool is_domain(std::string_view text) {
  if (text.size() > longest_domain) return false;
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace vmkit::agent
