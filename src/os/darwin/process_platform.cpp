// SPDX-License-Identifier: Apache-2.0
#include "os/process_platform.hpp"

#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <sys/event.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

Descriptor open_exit_event(pid_t pid) {
  Descriptor queue(::kqueue());
  if (!queue) throw Error::from_errno(errno, "create a kqueue");
  struct kevent change;
  EV_SET(&change, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  if (::kevent(queue.get(), &change, 1, nullptr, 0, nullptr) == 0) return queue;
  if (errno != ESRCH) throw Error::from_errno(errno, "watch a child process");
  // The child is ending already, perhaps without being a zombie yet, and no NOTE_EXIT would ever
  // come: an event of our own makes the queue readable for good.
  struct kevent ended[2];
  EV_SET(&ended[0], 0, EVFILT_USER, EV_ADD, 0, 0, nullptr);
  EV_SET(&ended[1], 0, EVFILT_USER, 0, NOTE_TRIGGER, 0, nullptr);
  if (::kevent(queue.get(), ended, 2, nullptr, 0, nullptr) != 0) {
    throw Error::from_errno(errno, "watch a child process");
  }
  return queue;
}

void send_signal(int, pid_t pid, int signal) noexcept {
  ::kill(pid, signal);
}

const bool can_die_with_parent = false;

bool arm_death_with_parent(pid_t) noexcept {
  return true;
}

const bool can_have_private_mounts = false;

bool enter_private_mounts(const PrivateMountsPlan&) noexcept {
  errno = ENOTSUP;
  return false;
}

void close_on_exec_from(int first) noexcept {
  const int end = ::getdtablesize();
  for (int fd = first; fd < end; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace vmkit::os
