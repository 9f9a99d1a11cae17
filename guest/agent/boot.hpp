// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "fd.hpp"

namespace vmkit::guest {

/// Mounts what is needed to find the control port: /dev and /sys of the initramfs.
void prepare_system();

/// Where the machine has no console, /dev/null: files opened later must not take those numbers.
void open_standard_streams();

/// What a client's requests need besides: mounts /proc, brings up the loopback interface.
void complete_system();

/// Loads the modules of /etc/modules.list that the machine needs to be reached; see
/// docs/formats/agent-protocol.md for the file. Failures are logged only: whether they matter shows
/// when the port is looked for.
void load_boot_modules();

/// Loads those listed for what is to be done now: "root" for disks and shares, "overlay".
void load_modules(std::string_view when);

/// Loads the others, in a child, so that nobody waits for them.
void load_late_modules();

/// Opens the control port; waits a few seconds for it to appear. Not open if it does not.
Fd open_control_port();

/// Ends every process, writes everything back and switches the machine off.
[[noreturn]] void power_off();

}  // namespace vmkit::guest
