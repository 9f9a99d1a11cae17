// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "os/child_process.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/vm/machine.hpp>

namespace vmkit::vm::qemu {

/// Why we killed a QEMU, if we did.
enum class KillCause {
  none,
  requested,        ///< By the caller.
  start_given_up,   ///< start() was stopped or late.
  no_answer,        ///< It did not come up, or did not answer on its control socket.
  garbled,          ///< What it said on its control socket was no QMP.
  no_sign_of_life,  ///< The guest's kernel did not speak in time.
  daemon_ended,     ///< A program that serves a share ended before QEMU did.
};

/// What is known about a QEMU that has ended.
struct Evidence {
  std::string kernel = {};  ///< The file.
  os::ExitStatus exit = {};
  KillCause cause = KillCause::none;
  std::string cause_text = {};                      ///< More about the cause.
  std::optional<std::string> shutdown_reason = {};  ///< Of QMP's SHUTDOWN event.
  bool came_up = false;                             ///< It had answered on its control socket.
  bool adopted = false;   ///< It was no child of ours, and its exit status is not known.
  bool restores = false;  ///< It was to take up a saved state.
  std::string error_output = {};
  std::vector<std::string> console = {};  ///< The last lines, enough to hold a panic's report.
};

/// The final event that follows from it; the error's message does not name the machine. Pure.
MachineEvent judge(const Evidence& evidence);

}  // namespace vmkit::vm::qemu
