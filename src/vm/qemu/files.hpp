// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/vm/config.hpp>

namespace vmkit::vm::qemu {

/// Opens every file that the configuration names, so that what is missing or of a wrong format is
/// told exactly, which QEMU does not. Throws not_found, permission_denied, invalid_argument,
/// failed_precondition for a disk that another has in a way that excludes this.
void check_files(const MachineConfig& config);

}  // namespace vmkit::vm::qemu
