// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>

#include "vm/vz/plan.hpp"

// Files with the state of a machine, as docs/formats/saved-machine.md has it: what the framework
// has written, then a tail of ours that says what kind of machine it was.
namespace vmkit::vm::vz {

/// How long the framework may take to write or read the state of so much memory.
std::chrono::milliseconds state_limit(std::chrono::milliseconds response_limit, ByteSize memory);

/// Adds the tail to what the framework has written of a machine of `config`, made by `plan`.
void write_tail(const std::filesystem::path& state, const MachineConfig& config,
                const VzPlan& plan);

/// Makes `state` of the saved machine `file`, without the tail, for the framework to read. Returns
/// `config` with what the framework wants to be as it was, which is in the tail: the machine's
/// identifier and the networks' addresses. Throws as Machine::restore does.
MachineConfig take_state(const std::filesystem::path& file, const std::filesystem::path& state,
                         const MachineConfig& config);

}  // namespace vmkit::vm::vz
