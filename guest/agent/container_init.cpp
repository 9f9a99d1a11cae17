// SPDX-License-Identifier: Apache-2.0
#include "container_init.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <limits>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capabilities.hpp"
#include "directory.hpp"
#include "fd.hpp"

namespace vmkit::guest {
namespace {

// The oldest process whose parent is outside: what the container was made for.
pid_t first_process() {
  pid_t first = 0;
  std::uint64_t earliest = std::numeric_limits<std::uint64_t>::max();
  for_each_entry("/proc", [&](const std::string& name) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid <= 1) return;
    const auto text = read_file(("/proc/" + name + "/stat").c_str(), 4096);
    if (!text || text->rfind(')') == std::string::npos) return;
    // After the name, which may contain anything: state, parent, …; the start time is the 20th.
    std::size_t at = text->rfind(')') + 2;
    std::string_view fields = std::string_view(*text).substr(at);
    std::uint64_t values[20] = {};
    for (auto& value : values) {
      const std::size_t length = std::min(fields.find(' '), fields.size());
      std::from_chars(fields.data(), fields.data() + length, value);
      fields.remove_prefix(std::min(length + 1, fields.size()));
    }
    if (values[1] != 0 || values[19] >= earliest) return;
    earliest = values[19];
    first = pid;
  });
  return first;
}

}  // namespace

void run_container_init() {
  ::prctl(PR_SET_NAME, "vmkit-init");
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  keep_capability_to_signal();
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  for (;;) {
    siginfo_t info;
    const int number = ::sigwaitinfo(&all, &info);
    if (number == SIGCHLD) {
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
    } else if (number > 0) {
      if (const pid_t target = first_process(); target > 0) ::kill(target, number);
    }
  }
}

}  // namespace vmkit::guest
