// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace vmkit::agent {

/// Something that happened in the guest; docs/formats/agent-protocol.md lists the types. Told by
/// the guest: do not trust it.
struct GuestEvent {
  /// "lost": the host did not keep up, and attribute "count" says how many events are missing.
  std::string type;
  /// What else is known, by name: text as it is, everything else as JSON.
  std::map<std::string, std::string, std::less<>> attributes = {};

  /// An attribute as a whole number; nothing if it is missing or is none.
  std::optional<std::int64_t> number(std::string_view name) const;
};

}  // namespace vmkit::agent
