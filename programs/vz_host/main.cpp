// SPDX-License-Identifier: Apache-2.0
// vmkit-vz-host: has one machine for a program that cannot have it itself, because it cannot carry
// the entitlement. Started by vm::make_helper_backend with a socket as its standard input, and
// nothing else; ends with its owner.
#include <csignal>
#include <cstdio>
#include <sys/socket.h>
#include <unistd.h>

#include "vm/helper/server.hpp"
#include "vm/helper/values.hpp"

int main() {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    std::fputs(
        "vmkit-vz-host: started by programs that use vmkit (vm::make_helper_backend), with a "
        "socket as standard input\n",
        stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  // No program that is started from here gets it.
  const int socket = ::dup(STDIN_FILENO);
  if (socket < 0) return 1;
  vmkit::vm::helper::serve(vmkit::os::Descriptor(socket), vmkit::vm::helper::make_served_backend);
  return 0;
}
