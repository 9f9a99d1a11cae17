// SPDX-License-Identifier: Apache-2.0
#include "output/json.hpp"

#include <cstdio>

namespace cli {

std::string to_text(const nlohmann::json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

void print(const nlohmann::json& json) {
  std::printf("%s\n", to_text(json, 2).c_str());
}

void print_names(const std::vector<std::string>& names, bool json) {
  if (json) return print(names);
  for (const std::string& name : names) std::printf("%s\n", name.c_str());
}

}  // namespace cli
