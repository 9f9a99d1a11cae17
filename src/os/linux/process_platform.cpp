// SPDX-License-Identifier: Apache-2.0
#include "os/process_platform.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

Descriptor open_exit_event(pid_t pid) {
  Descriptor fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) throw Error::from_errno(errno, "watch a child process (pidfd_open, Linux 5.3)");
  return fd;
}

const bool can_die_with_parent = true;

bool arm_death_with_parent(pid_t parent) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == parent;
}

void close_on_exec_from(int first) noexcept {
  if (::syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  // Before Linux 5.11: one by one, as far as descriptors ordinarily go.
  for (int fd = first; fd < 4096; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace vmkit::os
