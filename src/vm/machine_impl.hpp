// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "vm/machine_driver.hpp"
#include "vm/machine_status.hpp"

#include <vmkit/vm/config.hpp>

namespace vmkit::vm::detail {

class MachineImpl {
 public:
  explicit MachineImpl(MachineConfig machine_config) : config(std::move(machine_config)) {}

  const MachineConfig config;
  MachineStatus status;
  std::unique_ptr<MachineDriver> driver;  // last: its threads use the status
};

}  // namespace vmkit::vm::detail
