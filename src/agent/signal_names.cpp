// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <utility>

#include <vmkit/agent/process.hpp>

namespace vmkit::agent {
namespace {

// Of Linux on x86 and arm, by number; macOS has others.
constexpr std::array<std::pair<std::string_view, int>, 33> names{{
    {"HUP", 1},   {"INT", 2},   {"QUIT", 3},    {"ILL", 4},   {"TRAP", 5},    {"ABRT", 6},
    {"IOT", 6},   {"BUS", 7},   {"FPE", 8},     {"KILL", 9},  {"USR1", 10},   {"SEGV", 11},
    {"USR2", 12}, {"PIPE", 13}, {"ALRM", 14},   {"TERM", 15}, {"STKFLT", 16}, {"CHLD", 17},
    {"CONT", 18}, {"STOP", 19}, {"TSTP", 20},   {"TTIN", 21}, {"TTOU", 22},   {"URG", 23},
    {"XCPU", 24}, {"XFSZ", 25}, {"VTALRM", 26}, {"PROF", 27}, {"WINCH", 28},  {"IO", 29},
    {"POLL", 29}, {"PWR", 30},  {"SYS", 31},
}};
constexpr int lowest_real_time = 34;  // as libc counts, which keeps two for itself
constexpr int highest_signal = 64;

std::optional<int> whole_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// "RTMIN", "RTMIN+3", "RTMAX-1".
std::optional<int> real_time_signal(std::string_view name) {
  const bool up = name.starts_with("RTMIN");
  if (!up && !name.starts_with("RTMAX")) return std::nullopt;
  const int base = up ? lowest_real_time : highest_signal;
  if (name.size() == 5) return base;
  if (name[5] != (up ? '+' : '-')) return std::nullopt;
  const auto distance = whole_number(name.substr(6));
  if (!distance || *distance < 0 || *distance > highest_signal - lowest_real_time) {
    return std::nullopt;
  }
  return up ? base + *distance : base - *distance;
}

}  // namespace

std::optional<int> signal_number(std::string_view name) {
  if (const auto number = whole_number(name)) {
    if (*number < 1 || *number > highest_signal) return std::nullopt;
    return number;
  }
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (const auto& [known, value] : names) {
    if (known == name) return value;
  }
  return real_time_signal(name);
}

}  // namespace vmkit::agent
