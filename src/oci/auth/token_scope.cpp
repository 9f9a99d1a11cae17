// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/token_scope.hpp"

#include <algorithm>

namespace vmkit::oci {
namespace {

constexpr std::size_t most_challenged = 16;

std::vector<std::string> split(std::string_view text, char separator, std::size_t limit) {
  std::vector<std::string> result;
  while (!text.empty() && result.size() < limit) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) result.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

/// "repository:NAME:" of "repository:NAME:pull". A name may hold colons, actions do not.
std::string_view resource_of(std::string_view scope) {
  return scope.substr(0, scope.rfind(':') + 1);
}

void add_actions(std::string& scope, std::string_view actions) {
  const std::size_t first = resource_of(scope).size();
  for (const std::string& action : split(actions, ',', actions.size())) {
    const auto known = split(std::string_view(scope).substr(first), ',', scope.size());
    if (std::find(known.begin(), known.end(), action) == known.end()) scope += ',' + action;
  }
}

}  // namespace

std::vector<std::string> merged_scopes(std::string_view wanted, std::string_view challenged) {
  std::vector<std::string> result;
  auto all = split(wanted, ' ', wanted.size());
  for (std::string& scope : split(challenged, ' ', most_challenged)) all.push_back(scope);
  for (const std::string& scope : all) {
    const std::string_view resource = resource_of(scope);
    const auto same = std::find_if(result.begin(), result.end(), [&](const std::string& one) {
      return resource.empty() ? one == scope : resource_of(one) == resource;
    });
    if (same == result.end()) {
      result.push_back(scope);
    } else {
      add_actions(*same, std::string_view(scope).substr(resource.size()));
    }
  }
  return result;
}

std::string repository_of_scope(std::string_view scope) {
  constexpr std::string_view kind = "repository:";
  if (!scope.starts_with(kind)) return {};
  scope = scope.substr(kind.size(), scope.find(' ') - kind.size());
  return std::string(scope.substr(0, scope.rfind(':')));
}

}  // namespace vmkit::oci
