// SPDX-License-Identifier: Apache-2.0
// The program that is PID 1 in a vmkit machine. For tests, `--serve-fd N` serves one client on an
// open socket instead, as any user and without a root of its own, `--listen-fd N` those who connect
// to a listening one, one after another, until it is told to power off. With `--root FOLDER` only
// that folder is shown to requests about files.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "boot.hpp"
#include "console.hpp"
#include "server.hpp"

namespace {

using namespace vmkit::guest;

[[noreturn]] void run_machine() {
  try {
    log("starting, version " VMKIT_AGENT_VERSION);
    prepare_system();
    open_standard_streams();
    load_boot_modules();
    Fd port = open_control_port();
    if (port) {
      Server server(std::move(port), ChannelKind::virtio_port);
      server.after_first_greeting([] {
        complete_system();
        load_late_modules();
      });
      server.run();
    } else {
      log("fatal: no virtio-serial port named vmkit.ctl appeared; the kernel needs virtio_console "
          "and virtio_mmio or virtio_pci, built in or packed into the initramfs");
    }
  } catch (const std::exception& error) {
    log(std::string("fatal: ") + error.what());
  }
  power_off();
}

int serve_socket(int fd, ChannelKind kind, const char* files_root) {
  try {
    Server(Fd(fd), kind, files_root).run();
    return 0;
  } catch (const std::exception& error) {
    log(std::string("fatal: ") + error.what());
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Large blocks come and go with streams: each is to be given back when it goes.
  constexpr int large = 64 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, large);
  ::mallopt(M_TRIM_THRESHOLD, large);
  if (::getpid() == 1) run_machine();
  const char* const files_root = argc == 5 && std::strcmp(argv[3], "--root") == 0 ? argv[4] : "/";
  if (argc >= 3 && std::strcmp(argv[1], "--serve-fd") == 0) {
    return serve_socket(std::atoi(argv[2]), ChannelKind::socket, files_root);
  }
  if (argc >= 3 && std::strcmp(argv[1], "--listen-fd") == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    return serve_socket(std::atoi(argv[2]), ChannelKind::listener, files_root);
  }
  log("this program is PID 1 of a vmkit machine; it does nothing elsewhere");
  return 1;
}
