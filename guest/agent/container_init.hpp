// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vmkit::guest {

/// The container's PID 1, in its namespaces: reaps what has lost its parent, and passes signals
/// that come from within the container on to the process that was started there first.
[[noreturn]] void run_container_init();

}  // namespace vmkit::guest
