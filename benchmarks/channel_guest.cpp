// SPDX-License-Identifier: Apache-2.0
// The least that can stand in for the agent at its port: a guest's first process that writes and
// reads as many bytes as it is told, so that the channel itself can be measured.
//
//   w N   writes N bytes of zeros
//   r N   reads N bytes, then writes one
//
// Commands and numbers are one line each.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.hpp"
#include "directory.hpp"
#include "fd.hpp"

#include <vmkit/agent/port.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::guest;

char buffer[64 * 1024];

Fd open_port() {
  for (;;) {
    Fd found;
    for_each_entry("/sys/class/virtio-ports", [&](const std::string& port) {
      const auto name = read_file(("/sys/class/virtio-ports/" + port + "/name").c_str(), 256);
      if (found || !name || first_line(*name) != agent::port_name) return;
      found = Fd(::open(("/dev/" + port).c_str(), O_RDWR));
    });
    if (found) return found;
    ::usleep(2000);
  }
}

std::size_t portion(unsigned long long left) {
  return left < sizeof buffer ? static_cast<std::size_t>(left) : sizeof buffer;
}

void write_bytes(int port, unsigned long long left) {
  while (left != 0) {
    const ssize_t count = ::write(port, buffer, portion(left));
    if (count > 0) left -= static_cast<unsigned long long>(count);
  }
}

void read_bytes(int port, unsigned long long left) {
  while (left != 0) {
    const ssize_t count = ::read(port, buffer, portion(left));
    if (count > 0) left -= static_cast<unsigned long long>(count);
  }
  write_bytes(port, 1);
}

std::string read_line(int port) {
  std::string line;
  for (;;) {
    char byte = 0;
    if (::read(port, &byte, 1) != 1) {
      ::usleep(1000);  // nobody is there yet
    } else if (byte == '\n') {
      return line;
    } else {
      line += byte;
    }
  }
}

}  // namespace

int main() {
  for (const char* path : {"/dev", "/proc", "/sys"}) ::mkdir(path, 0755);
  ::mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
  ::mount("proc", "/proc", "proc", 0, nullptr);
  ::mount("sysfs", "/sys", "sysfs", 0, nullptr);
  load_boot_modules();
  const Fd port = open_port();
  for (;;) {
    const std::string line = read_line(port.get());
    const auto count = std::strtoull(line.c_str() + (line.empty() ? 0 : 1), nullptr, 10);
    if (line.starts_with('w')) write_bytes(port.get(), count);
    if (line.starts_with('r')) read_bytes(port.get(), count);
  }
}
