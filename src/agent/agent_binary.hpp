// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include <vmkit/agent/initramfs.hpp>

namespace vmkit::agent {

/// The guest agent, as it was built into the library. Throws unsupported if it was not.
std::span<const std::byte> agent_binary(Architecture architecture);

}  // namespace vmkit::agent
