// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <vmkit/vm/config.hpp>

// What each host architecture has its own instructions for.
namespace vmkit::vm {

/// The time stamp counter; nullopt where x86 guests' counter does not follow one of the host's.
std::optional<std::uint64_t> read_cycle_counter() noexcept;

}  // namespace vmkit::vm
