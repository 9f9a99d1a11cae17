// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "library.hpp"

namespace microvm {

/// Boots the machine and leaves it running.
void start(Library& library, const std::string& name);

/// Runs a command in a machine that runs, with this process's standard streams. Returns its exit
/// status as a shell tells it.
int exec(Library& library, const std::string& name, const std::vector<std::string>& command);

/// Unmounts the machine's disk and switches it off.
void stop(Library& library, const std::string& name);

}  // namespace microvm
