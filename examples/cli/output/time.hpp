// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

using Time = std::chrono::system_clock::time_point;

/// RFC 3339 in UTC, to the nanosecond: "2026-11-23T02:40:55.000000000Z".
std::string to_text(Time time);
/// What to_text() wrote, or RFC 3339 in UTC with fewer digits; nothing if it is something else.
std::optional<Time> parse_time(std::string_view text);

/// "5 seconds", "About an hour", "3 weeks".
std::string duration_text(std::chrono::system_clock::duration duration);
/// "3 weeks ago".
std::string age(Time time);

}  // namespace cli
