// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include <vmkit/vm/config.hpp>

// What a saved machine says of its configuration, on every backend.
namespace vmkit::vm::detail {

/// What the guest has seen of it; its disks exist.
nlohmann::json seen_by_guest(MachineConfig config);

/// In what a machine of `config` is another than the one of which `saved` is what its guest has
/// seen, for a message; empty if in nothing. `saved` may hold anything.
std::string differences(const nlohmann::json& saved, const MachineConfig& config);

}  // namespace vmkit::vm::detail
