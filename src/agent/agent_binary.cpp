// SPDX-License-Identifier: Apache-2.0
#include "agent/agent_binary.hpp"

#include <string>

#include <vmkit/base/error.hpp>

// Defined in an assembler file that the build makes; empty where there is no agent.
extern "C" {
extern const std::byte vmkit_agent_x86_64_begin[];
extern const std::byte vmkit_agent_x86_64_end[];
extern const std::byte vmkit_agent_arm64_begin[];
extern const std::byte vmkit_agent_arm64_end[];
}

namespace vmkit::agent {

std::span<const std::byte> agent_binary(Architecture architecture) {
  const bool x86 = architecture == Architecture::x86_64;
  const std::byte* begin = x86 ? vmkit_agent_x86_64_begin : vmkit_agent_arm64_begin;
  const std::byte* end = x86 ? vmkit_agent_x86_64_end : vmkit_agent_arm64_end;
  if (begin == end) {
    throw Error(Errc::unsupported, "this build of vmkit has no guest agent for " +
                                       std::string(to_string(architecture)) +
                                       ": configure it with VMKIT_GUEST_AGENT_" +
                                       (x86 ? "X86_64" : "ARM64"));
  }
  return {begin, end};
}

}  // namespace vmkit::agent
