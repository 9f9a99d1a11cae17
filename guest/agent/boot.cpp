// SPDX-License-Identifier: Apache-2.0
#include "boot.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/protocol.hpp"
#include "console.hpp"
#include "directory.hpp"
#include "storage.hpp"

#include <vmkit/agent/port.hpp>

namespace vmkit::guest {
namespace {

void mount_one(const char* type, const char* path, unsigned long flags) {
  ::mkdir(path, 0755);
  if (::mount(type, path, type, flags, nullptr) != 0 && errno != EBUSY) {
    log_errno(std::string("cannot mount ") + path, errno);
  }
}

void bring_up_loopback() {
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  if (!fd || ::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return;  // a kernel without network
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) log_errno("cannot bring up lo", errno);
}

}  // namespace

void prepare_system() {
  mount_one("devtmpfs", "/dev", MS_NOSUID);
  mount_one("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

void open_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    // Opened anew it gets the lowest number that is free.
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) {
      log_errno("open /dev/null", errno);
    }
  }
}

void complete_system() {
  mount_one("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  bring_up_loopback();
}

Fd open_control_port() {
  constexpr useconds_t pause_us = 2000;
  constexpr int tries = 5'000'000 / pause_us;
  for (int i = 0; i < tries; ++i) {
    Fd found;
    for_each_entry("/sys/class/virtio-ports", [&](const std::string& port) {
      const auto name = read_file(("/sys/class/virtio-ports/" + port + "/name").c_str(), 256);
      if (found || !name || first_line(*name) != agent::port_name) return;
      found = Fd(::open(("/dev/" + port).c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    });
    if (found) return found;
    ::usleep(pause_us);
  }
  return {};
}

void power_off() {
  thaw_disks();  // who waits for a frozen one cannot be killed
  ::kill(-1, SIGKILL);
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  unmount_storage();
  ::sync();
  ::reboot(RB_POWER_OFF);
  // A machine without a power switch: the reboot ends it, if the host wants it so.
  ::reboot(RB_AUTOBOOT);
  for (;;) ::pause();
}

}  // namespace vmkit::guest
