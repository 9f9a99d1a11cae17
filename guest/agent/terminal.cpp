// SPDX-License-Identifier: Apache-2.0
#include "terminal.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "rpc_error.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;

[[noreturn]] void fail(const char* what) {
  throw RpcError(operation_failed, std::string("cannot make a terminal: ") + what, errno);
}

/// A container may have put anything in the place of its /dev/pts: nothing of it leads out of
/// its root, and what is there must be a devpts.
Fd open_multiplexer(int root, bool in_container) {
  open_how how{};
  how.flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  const char* const path = in_container ? "dev/pts/ptmx" : "dev/ptmx";
  Fd multiplexer(static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how)));
  if (!multiplexer) fail("/dev/pts/ptmx");
  if (!in_container) return multiplexer;
  struct statfs file_system {};
  if (::fstatfs(multiplexer.get(), &file_system) != 0) fail("/dev/pts");
  if (file_system.f_type != DEVPTS_SUPER_MAGIC) {
    errno = ENOTTY;
    fail("/dev/pts is no devpts");
  }
  return multiplexer;
}

}  // namespace

Terminal open_terminal(int root, bool in_container, TerminalSize size) {
  Terminal terminal;
  terminal.ours = open_multiplexer(root, in_container);
  set_size(terminal.ours.get(), size);
  int unlock = 0;
  if (::ioctl(terminal.ours.get(), TIOCSPTLCK, &unlock) != 0) fail("unlock");
  terminal.theirs = Fd(::ioctl(terminal.ours.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.theirs) fail("its other end");
  return terminal;
}

void set_size(int terminal, TerminalSize size) {
  constexpr unsigned most = 65535;
  if (size.rows > most || size.columns > most) {
    throw RpcError(invalid_params, "terminal: expected at most 65535 rows and columns");
  }
  winsize wanted{};
  wanted.ws_row = static_cast<unsigned short>(size.rows);
  wanted.ws_col = static_cast<unsigned short>(size.columns);
  if (::ioctl(terminal, TIOCSWINSZ, &wanted) != 0) {
    throw RpcError(operation_failed, "cannot resize the terminal", errno);
  }
}

}  // namespace vmkit::guest
