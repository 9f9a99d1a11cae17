// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vmkit::test {

/// What happens at the chosen system call.
enum class CallFault {
  none,       ///< The calls are only counted.
  kill,       ///< SIGKILL before it.
  torn,       ///< SIGKILL in its middle: half of what is written is written. Other calls: before.
  full_disk,  ///< ENOSPC, there and in all later calls that need space.
  io_error,   ///< EIO, there only.
};

/// Lets the `at`th call from now on (1: the next) that changes files fail so: open that creates,
/// write, truncate, sync, rename, link, unlink, mkdir. A program that is linked with
/// fault_calls.cpp calls these instead of the C library's; what is tested knows nothing of it.
void arm_call_fault(CallFault fault, unsigned at);

/// How many such calls there were since.
unsigned counted_calls();

}  // namespace vmkit::test
