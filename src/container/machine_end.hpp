// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <vmkit/base/error.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::container {

/// The machine has ended, and will not run again.
bool is_over(vm::MachineState state);

/// Why and how `machine` ended, with its last console lines: unavailable.
Error machine_ended(vm::Machine& machine);

/// "; last console lines:" and the lines, or that there were none.
std::string console_excerpt(vm::Machine& machine);

}  // namespace vmkit::container
