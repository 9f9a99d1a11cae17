// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <vmkit/agent/statistics.hpp>
#include <vmkit/vm/machine.hpp>

namespace cli {

/// What `stats --json` prints of one container; `memory` is the machine's.
nlohmann::json to_json(const vmkit::agent::Statistics& statistics,
                       const vmkit::vm::MachineStatistics& machine, vmkit::ByteSize memory);
/// What `top --json` prints of one process.
nlohmann::json to_json(const vmkit::agent::RunningProcess& process);

}  // namespace cli
