// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/agent/process.hpp>
#include <vmkit/base/call_options.hpp>

namespace cli {

/// Passes the process's output to ours, and our input to it if `with_input`, until it has ended and
/// all its output is here; returns how it ended. Throws what stopped it: cancelled, or unavailable
/// when the machine is gone.
vmkit::agent::ExitStatus relay(vmkit::agent::Process& process, bool with_input, bool terminal,
                               const vmkit::CallOptions& options);

}  // namespace cli
