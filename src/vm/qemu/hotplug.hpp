// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>

#include "vm/qemu/mailbox.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/vm/config.hpp>

// Disks that come and go while a machine runs. QEMU itself keeps which ones there are, under names
// that are made from their identifiers, so that an adopted machine's are known too. Each command
// has `limit` for its answer.
namespace vmkit::vm::qemu {

/// Throws as Machine::attach_disk; the disk's file has been looked at.
void plug_disk(Mailbox& mailbox, const Disk& disk, std::chrono::milliseconds limit,
               const CallOptions& options);

/// Throws as Machine::detach_disk. Returns when the file is closed.
void unplug_disk(Mailbox& mailbox, std::string_view identifier, std::chrono::milliseconds limit,
                 const CallOptions& options);

/// Whether any was plugged and is there.
bool has_plugged_disks(Mailbox& mailbox, std::chrono::milliseconds limit,
                       const CallOptions& options);

}  // namespace vmkit::vm::qemu
