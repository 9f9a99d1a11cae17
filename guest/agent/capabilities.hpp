// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <sys/types.h>

#include "agent/json.hpp"
#include "users.hpp"

namespace vmkit::guest {

/// The five sets of capabilities(7), one bit for each.
struct CapabilitySets {
  std::uint64_t bounding = 0;
  std::uint64_t effective = 0;
  std::uint64_t inheritable = 0;
  std::uint64_t permitted = 0;
  std::uint64_t ambient = 0;
};

/// Reads the parameter "capabilities". Throws RpcError not_supported for one that the kernel does
/// not know; a set with all bits is every one that it knows.
CapabilitySets parse_capabilities(const agent::Json& json);

/// Makes the calling process the user's, with these capabilities, as they are to be just before
/// execve. `keep` are kept until then besides. Throws RpcError bad_user or operation_failed.
void become(const UserIds& ids, const CapabilitySets& sets, std::uint64_t keep);

inline constexpr std::uint64_t cap_sys_admin_bit = std::uint64_t{1} << 21;

/// Gives up all capabilities but the one to send signals to other users' processes.
void keep_capability_to_signal();

}  // namespace vmkit::guest
