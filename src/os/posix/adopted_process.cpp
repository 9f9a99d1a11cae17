// SPDX-License-Identifier: Apache-2.0
#include "os/adopted_process.hpp"

#include <cerrno>
#include <poll.h>
#include <signal.h>
#include <string>

#include "os/process_platform.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

bool is_readable(int fd, int milliseconds) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, milliseconds) == 1;
}

}  // namespace

AdoptedProcess::AdoptedProcess(pid_t pid) : pid_(pid) {
  // A number below 1 would mean a group of processes, or all of them.
  if (pid < 1 || (::kill(pid, 0) != 0 && errno == ESRCH)) {
    throw Error(Errc::not_found, "there is no process " + std::to_string(pid));
  }
  exit_event_ = open_exit_event(pid);
}

bool AdoptedProcess::has_ended() const {
  return is_readable(exit_event_.get(), 0);
}

void AdoptedProcess::kill(int signal) const noexcept {
  if (!has_ended()) send_signal(exit_event_.get(), pid_, signal);
}

void AdoptedProcess::end() const noexcept {
  kill(SIGKILL);
  while (!is_readable(exit_event_.get(), -1)) {
  }
}

}  // namespace vmkit::os
