// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cli {

/// As text; bytes that are no UTF-8, which names of other tools may have, are replaced.
std::string to_text(const nlohmann::json& json, int indent = -1);

/// Prints it, over several lines.
void print(const nlohmann::json& json);

/// What commands print that do one thing to several: a name a line or, as JSON, a list.
void print_names(const std::vector<std::string>& names, bool json);

}  // namespace cli
