// SPDX-License-Identifier: Apache-2.0
#include "agent/exit_status.hpp"

#include <optional>

#include <vmkit/base/error.hpp>

namespace vmkit::agent {

ExitStatus parse_exit_status(const Json& status) {
  const auto number = [&](const char* name, unsigned least, unsigned most) -> std::optional<int> {
    const auto found = status.is_object() ? status.find(name) : status.end();
    if (found == status.end() || !found->is_number_unsigned()) return std::nullopt;
    const auto value = found->get<std::uint64_t>();
    if (value < least || value > most) return std::nullopt;
    return static_cast<int>(value);
  };
  const auto code = number("code", 0, 255);
  const auto signal = number("signal", 1, 127);
  if (code.has_value() == signal.has_value()) {
    throw Error(Errc::data_corruption, "the guest agent sent a malformed exit status");
  }
  return {code.value_or(0), signal.value_or(0)};
}

}  // namespace vmkit::agent
