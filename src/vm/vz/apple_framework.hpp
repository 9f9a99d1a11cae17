// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "vm/vz/framework.hpp"

namespace vmkit::vm::vz {

/// The framework of the system. There on macOS only.
std::shared_ptr<Framework> make_apple_framework();

/// What Foundation does not tell of this system and this program. Per platform, for the test's.
struct MacVersion {
  unsigned major = 0;
  unsigned minor = 0;
};
MacVersion macos_version();
bool has_entitlement(const char* name);

}  // namespace vmkit::vm::vz
