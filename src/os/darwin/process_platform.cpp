// SPDX-License-Identifier: Apache-2.0
#include "os/process_platform.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/event.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

Descriptor open_exit_event(pid_t pid) {
  Descriptor queue(::kqueue());
  if (!queue) throw Error::from_errno(errno, "create a kqueue");
  struct kevent change;
  EV_SET(&change, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  // ESRCH: it is a zombie already, and its exit is reported at once by NOTE_EXIT's absence; the
  // caller polls waitpid first, so only a live child matters here.
  if (::kevent(queue.get(), &change, 1, nullptr, 0, nullptr) != 0 && errno != ESRCH) {
    throw Error::from_errno(errno, "watch a child process");
  }
  return queue;
}

const bool can_die_with_parent = false;

bool arm_death_with_parent(pid_t) noexcept {
  return true;
}

void close_on_exec_from(int first) noexcept {
  const int end = ::getdtablesize();
  for (int fd = first; fd < end; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace vmkit::os
