// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>

#include "os/descriptor.hpp"
#include "vm/qemu/mailbox.hpp"

#include <vmkit/base/call_options.hpp>

namespace vmkit::vm::qemu {

/// Has a halted QEMU write its state to `file`, from its offset on, and returns when that is done.
/// QEMU may take `limit` for each answer. On an error, cancelled and timeout too, QEMU writes no
/// more, and the machine is halted as before.
void write_state(Mailbox& mailbox, std::shared_ptr<const os::Descriptor> file,
                 std::chrono::milliseconds limit, const CallOptions& options);

/// Waits until a QEMU that was started to take up a state has done so. Throws when it ends.
void await_state(Mailbox& mailbox, std::chrono::milliseconds limit, const CallOptions& options);

}  // namespace vmkit::vm::qemu
