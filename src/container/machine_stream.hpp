// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <vmkit/base/error.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::container {

/// The machine has ended, and will not run again.
bool is_over(vm::MachineState state);

/// The agent's channel of `machine`, which must outlive the stream. Where the channel ends because
/// the machine has ended, a read throws what happened to the machine instead of returning the end,
/// so that whoever waits for the guest is told the reason.
std::unique_ptr<Stream> make_machine_stream(std::unique_ptr<Stream> channel, vm::Machine& machine);

/// Why and how `machine` ended, with its last console lines: unavailable.
Error machine_ended(vm::Machine& machine);

/// "; last console lines:" and the lines, or that there were none.
std::string console_excerpt(vm::Machine& machine);

}  // namespace vmkit::container
