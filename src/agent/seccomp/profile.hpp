// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/seccomp/system_calls.hpp"

#include <vmkit/agent/seccomp.hpp>

namespace vmkit::agent::seccomp {

/// What a filter returns: SECCOMP_RET_… of linux/seccomp.h, with the data in the low half.
using Action = std::uint32_t;

inline constexpr Action kill_process = 0x80000000;
inline constexpr Action kill_thread = 0x00000000;
inline constexpr Action trap = 0x00030000;
inline constexpr Action fail = 0x00050000;
inline constexpr Action trace = 0x7ff00000;
inline constexpr Action log = 0x7ffc0000;
inline constexpr Action allow = 0x7fff0000;
inline constexpr Action data_mask = 0xffff;

// Linux's, on the architectures that there are tables for.
inline constexpr Action errno_eperm = 1;
inline constexpr Action errno_enosys = 38;

enum class Comparison { not_equal, less, less_equal, equal, greater_equal, greater, masked_equal };

struct Condition {
  unsigned argument = 0;  ///< 0 to 5
  Comparison comparison = Comparison::equal;
  std::uint64_t value = 0;
  std::uint64_t second = 0;  ///< of masked_equal, where `value` is the mask

  friend bool operator==(const Condition&, const Condition&) = default;
};

/// The action if all conditions hold.
struct Rule {
  std::vector<std::string> names;
  Action action = allow;
  std::vector<Condition> conditions;
};

struct Profile {
  Action default_action = fail | errno_eperm;
  /// Besides the target's own.
  std::vector<Abi> other_abis;
  std::vector<Rule> rules;
};

/// Reads a profile in JSON for a target. Throws invalid_argument or unsupported.
Profile parse_profile(std::string_view json, const SeccompTarget& target);

Profile default_profile(const SeccompTarget& target);

SeccompFilter compile(const Profile& profile, Architecture architecture);

}  // namespace vmkit::agent::seccomp
