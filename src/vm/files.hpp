// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <vmkit/vm/config.hpp>

namespace vmkit::vm::detail {

/// Opens every file that the configuration names, so that what is missing or of a wrong format is
/// told exactly, which neither QEMU nor Apple's framework does. Throws not_found,
/// permission_denied, invalid_argument, failed_precondition for a disk that another has in a way
/// that excludes this. Keeps nothing open and nothing locked: who runs the machine locks the disks
/// itself, and would find ours in its way.
void check_files(const MachineConfig& config);

/// The same of one folder, and of one disk, which `role` names in messages.
void check_share(const Share& share);
void check_disk(const Disk& disk, const std::string& role);

}  // namespace vmkit::vm::detail
