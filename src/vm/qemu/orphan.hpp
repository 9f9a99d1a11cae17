// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "os/adopted_process.hpp"
#include "vm/runtime_folder.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/vm/config.hpp>

// What a machine that may outlive its owner leaves in its folder for the next one. That it lives is
// told by a lock which QEMU inherits from the fork on, so that there is no moment in which it runs
// unseen; which process it is, QEMU writes itself. Numbers of processes are used again: only while
// the lock is held is the one in the file QEMU's.
namespace vmkit::vm::qemu {

/// A machine without an owner, taken over: its folder is locked from here on.
struct Orphan {
  detail::RuntimeFolder folder;
  MachineConfig config;
  std::shared_ptr<const os::AdoptedProcess> process;
};

/// Where QEMU is to write its process id.
std::filesystem::path pid_file(const std::filesystem::path& folder);

/// Keeps `config` in the folder. Its initrd is a file; descriptors are the owner's and not kept.
void write_record(const std::filesystem::path& folder, MachineConfig config);

/// Takes over what is in `folder`. Throws not_found (no such folder, or the machine has ended: then
/// the folder is removed), failed_precondition (it has an owner), data_corruption (the record).
Orphan take_over(const std::filesystem::path& folder, const CallOptions& options);

}  // namespace vmkit::vm::qemu
