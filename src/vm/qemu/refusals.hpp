// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <vmkit/vm/config.hpp>

namespace vmkit::vm::qemu {

/// What a configuration asks for and this backend has on no host; a valid one. Pure.
void add_refusals(const MachineConfig& config, std::vector<ConfigProblem>& problems);

}  // namespace vmkit::vm::qemu
