// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace vmkit {

/// The instruction sets that guests and agents are made for.
enum class Architecture { x86_64, arm64 };

/// "x86_64", "arm64".
std::string_view to_string(Architecture architecture) noexcept;

/// The one that this process runs on.
Architecture host_architecture() noexcept;

}  // namespace vmkit
