// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "python.hpp"

#include <vmkit/base/call_options.hpp>

namespace vmkit::python {

/// Whether this is the thread in which Python handles signals.
bool is_main_thread() noexcept;

/// Does `work` without the GIL, which the caller has. In the main thread Python's signal handlers
/// run meanwhile: what one of them raises (Ctrl-C: KeyboardInterrupt) calls `interrupt`, and is
/// thrown when `work` has returned, which should then be soon. What `work` throws comes through.
void run(const std::function<void()>& work, const std::function<void()>& interrupt);

/// The same for a call that takes options, with a stop of its own besides the caller's.
void run(const CallOptions& options, const std::function<void(const CallOptions&)>& work);

/// Stops what run() does in other threads and waits for its end, for some seconds. With the GIL.
void stop_running_calls();

}  // namespace vmkit::python
