// SPDX-License-Identifier: Apache-2.0
// Kernel modules, as /etc/modules.list of the initramfs names them: lines of
//   WHEN CONDITION PATH
// in an order in which they can be loaded. WHEN is "boot", "root" or "late"; CONDITION is "always",
// "mmio", "pci" or "virtio:N" with the number of a virtio device type.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <string>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot.hpp"
#include "console.hpp"
#include "directory.hpp"

namespace vmkit::guest {
namespace {

constexpr std::size_t max_list_bytes = 1024 * 1024;

bool any_pci_virtio() {
  bool found = false;
  for_each_entry("/sys/bus/pci/devices", [&](const std::string& device) {
    const auto vendor = read_file(("/sys/bus/pci/devices/" + device + "/vendor").c_str(), 64);
    if (vendor && first_line(*vendor) == "0x1af4") found = true;
  });
  return found;
}

bool any_mmio_virtio() {
  bool found = false;
  for_each_entry("/sys/bus/platform/devices", [&](const std::string& device) {
    if (device.starts_with("LNRO0005") || device.find("virtio_mmio") != std::string::npos) {
      found = true;
    }
  });
  return found;
}

bool any_virtio_of_type(unsigned long type) {
  bool found = false;
  for_each_entry("/sys/bus/virtio/devices", [&](const std::string& device) {
    const auto id = read_file(("/sys/bus/virtio/devices/" + device + "/device").c_str(), 64);
    if (id && std::strtoul(id->c_str(), nullptr, 16) == type) found = true;
  });
  return found;
}

bool holds(std::string_view condition) {
  if (condition == "always") return true;
  if (condition == "pci") return any_pci_virtio();
  // Devices named on the kernel's command line only appear when the driver is loaded.
  if (condition == "mmio") return any_mmio_virtio() || !any_pci_virtio();
  constexpr std::string_view device = "virtio:";
  if (!condition.starts_with(device)) return false;
  return any_virtio_of_type(
      std::strtoul(std::string(condition.substr(device.size())).c_str(), nullptr, 10));
}

void load(const std::string& path) {
  // Shared dependencies are listed again and again; the kernel would read the file each time.
  static std::set<std::string> tried;
  if (!tried.insert(path).second) return;
  constexpr int compressed_file = 4;  // MODULE_INIT_COMPRESSED_FILE, since Linux 5.17
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const int flags = path.ends_with(".ko") ? 0 : compressed_file;
  if (fd && (::syscall(SYS_finit_module, fd.get(), "", flags) == 0 || errno == EEXIST)) return;
  log_errno("cannot load " + path, errno);
}

std::string_view next_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

void load_listed(std::string_view wanted) {
  const auto list = read_file("/etc/modules.list", max_list_bytes);
  if (!list) return;
  std::string_view rest = *list;
  std::string last_condition;
  bool last_holds = false;
  while (!rest.empty()) {
    std::string_view line = first_line(rest);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::string_view when = next_word(line);
    const std::string_view condition = next_word(line);
    if (when != wanted || line.empty()) continue;
    if (condition != last_condition) {
      last_condition = condition;
      last_holds = holds(condition);
    }
    if (last_holds) load(std::string(line));
  }
}

}  // namespace

void load_boot_modules() {
  load_listed("boot");
}

void load_modules(std::string_view when) {
  load_listed(when);
}

void load_late_modules() {
  constexpr useconds_t head_start_us = 500'000;
  if (::fork() != 0) return;
  ::usleep(head_start_us);  // the client's first process is more urgent
  [[maybe_unused]] const int ignored = ::nice(10);
  load_listed("late");
  ::_exit(0);
}

}  // namespace vmkit::guest
