// SPDX-License-Identifier: Apache-2.0
#include "os/descriptor.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

void Descriptor::reset(int fd) noexcept {
  // close() frees the number even when it fails with EINTR, so it is never tried again.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

// pipe2 and SOCK_CLOEXEC are not on macOS. Without them a fork between the calls could leak a
// descriptor into another child; our own children close what they were not given.
static DescriptorPair close_on_exec(const int fds[2]) {
  ::fcntl(fds[0], F_SETFD, FD_CLOEXEC);
  ::fcntl(fds[1], F_SETFD, FD_CLOEXEC);
  return {Descriptor(fds[0]), Descriptor(fds[1])};
}

DescriptorPair make_pipe() {
  int fds[2];
  if (::pipe(fds) != 0) throw Error::from_errno(errno, "create a pipe");
  return close_on_exec(fds);
}

DescriptorPair make_socket_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) {
    throw Error::from_errno(errno, "create a socket pair");
  }
  return close_on_exec(fds);
}

Descriptor duplicate(int fd) {
  constexpr int lowest = 3;  // those below are a child's standard streams
  Descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, lowest));
  if (!copy) throw Error::from_errno(errno, "duplicate a descriptor");
  return copy;
}

void set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    throw Error::from_errno(errno, "make a descriptor non-blocking");
  }
}

}  // namespace vmkit::os
