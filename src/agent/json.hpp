// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace vmkit::agent {

using Json = nlohmann::json;

/// Parses one JSON-RPC message from a peer that is not trusted. Throws data_corruption if it is no
/// JSON, no object, or nested too deeply.
Json parse_message(std::string_view text);

/// What to do with text that is not UTF-8, which JSON cannot carry.
enum class BadUtf8 { refuse, replace };

/// Text for the wire. Throws invalid_argument for text that is not UTF-8, if that is refused.
std::string dump_message(const Json& message, BadUtf8 bad_utf8);

}  // namespace vmkit::agent
