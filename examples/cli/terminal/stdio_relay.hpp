// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>
#include <thread>

#include <vmkit/agent/process.hpp>
#include <vmkit/base/call_options.hpp>

namespace cli {

/// Takes a piece of an output. False if nobody wants more of it; throws what is wrong. Ends soon
/// after a stop, whoever does not read.
using OutputWriter =
    std::function<bool(std::span<const std::byte> data, const vmkit::StopToken& stop)>;

/// Writes to a descriptor, which may be anything: false if nobody reads it any more.
OutputWriter writer_to(int descriptor);

/// Where a process's streams end.
struct RelayEnds {
  OutputWriter output = {};
  OutputWriter errors = {};  ///< Empty for a process on a terminal, which has one output.
  int input = -1;            ///< A descriptor that is passed on; -1: none.
};

/// Passes the process's streams on until it has ended and all its output is there; returns how it
/// ended. Throws what stopped it: cancelled, or unavailable when the machine is gone.
vmkit::agent::ExitStatus relay(vmkit::agent::Process& process, const RelayEnds& ends,
                               const vmkit::CallOptions& options);

/// Passes what comes from a descriptor on to a process, in a thread of its own, until its end, the
/// object's, or until the process reads no more.
class InputCopy {
 public:
  enum class AtEnd { close, leave_open };
  /// `process` must outlive the object. What becomes of its input at the end of what comes is said
  /// by `at_end`; at the object's end it stays open.
  InputCopy(int descriptor, vmkit::agent::Process& process, AtEnd at_end,
            const vmkit::StopToken& stop);
  ~InputCopy();
  InputCopy(const InputCopy&) = delete;
  InputCopy& operator=(const InputCopy&) = delete;

 private:
  void copy(int descriptor, vmkit::agent::ProcessInput& to, AtEnd at_end,
            const vmkit::StopToken& stop);

  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace cli
