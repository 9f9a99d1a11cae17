// SPDX-License-Identifier: Apache-2.0
#include "output/time.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace cli {

using namespace std::chrono;

std::string to_text(Time time) {
  const auto whole = floor<seconds>(time);
  const std::time_t number = system_clock::to_time_t(whole);
  std::tm parts{};
  ::gmtime_r(&number, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09lldZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<long long>(duration_cast<nanoseconds>(time - whole).count()));
  return text;
}

std::optional<Time> parse_time(std::string_view text) {
  std::tm parts{};
  int used = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used) != 6) {
    return std::nullopt;
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  std::string_view rest = text.substr(static_cast<std::size_t>(used));
  nanoseconds fraction{0};
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    for (auto unit = duration_cast<nanoseconds>(100ms);
         !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; unit /= 10) {
      fraction += unit * (rest.front() - '0');
      rest.remove_prefix(1);
    }
  }
  if (rest != "Z") return std::nullopt;
  return system_clock::from_time_t(::timegm(&parts)) +
         duration_cast<system_clock::duration>(fraction);
}

std::string duration_text(system_clock::duration duration) {
  const auto total = duration_cast<seconds>(duration).count();
  if (total < 1) return "Less than a second";
  if (total == 1) return "1 second";
  if (total < 60) return std::to_string(total) + " seconds";
  if (total < 120) return "About a minute";
  if (total < 3600) return std::to_string(total / 60) + " minutes";
  if (total < 7200) return "About an hour";
  constexpr long hour = 3600, day = 24 * hour;
  constexpr std::array<std::pair<long, const char*>, 4> units{
      {{2 * 365 * day, "years"}, {60 * day, "months"}, {14 * day, "weeks"}, {2 * day, "days"}}};
  constexpr std::array<long, 4> sizes{365 * day, 30 * day, 7 * day, day};
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (total >= units[i].first) {
      return std::to_string(total / sizes[i]) + ' ' + units[i].second;
    }
  }
  return std::to_string(total / hour) + " hours";
}

std::string age(Time time) {
  return duration_text(system_clock::now() - time) + " ago";
}

}  // namespace cli
