// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <stdlib.h>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include "os/child_process.hpp"
#include "os/file.hpp"
#include "support/demo.hpp"

// The vmkit program as a user runs it, with the demo's store and kernel.
namespace vmkit::test {

inline std::vector<std::string> vmkit_arguments(std::vector<std::string> rest) {
  rest.insert(rest.begin(), VMKIT_PROGRAM);
  return rest;
}

inline std::string store() {
  return (Demo::get().folder() / "store").string();
}

/// `vmkit COMMAND` with store and kernel of the demo, then `rest`.
inline std::vector<std::string> launch_arguments(const std::string& command,
                                                 const std::vector<std::string>& rest) {
  const auto kernel = demo_kernel();
  auto arguments = vmkit_arguments({command, "--store", store(), "--kernel", kernel.image.string(),
                                    "--modules", kernel.modules.string(), "--plain-http"});
  arguments.insert(arguments.end(), rest.begin(), rest.end());
  return arguments;
}

/// `vmkit run --rm`.
inline std::vector<std::string> run_arguments(std::vector<std::string> rest) {
  rest.insert(rest.begin(), "--rm");
  return launch_arguments("run", rest);
}

inline os::Output execute(std::vector<std::string> arguments) {
  return os::run({.arguments = std::move(arguments)}, 64_MiB,
                 CallOptions{}.with_timeout(std::chrono::seconds(120)));
}

inline os::Output program(std::vector<std::string> rest) {
  return execute(vmkit_arguments(std::move(rest)));
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Whether a process whose command line has `part` runs, of this user's.
inline bool is_running(const std::string& part) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    try {
      if (contains(os::read_file(entry.path() / "cmdline", 1_MiB), part)) return true;
    } catch (const Error&) {
      // no process, or gone
    }
  }
  return false;
}

/// A terminal, of which a program under test has one end.
struct TestTerminal {
  TestTerminal() {
    REQUIRE(::grantpt(ours.get()) == 0);
    REQUIRE(::unlockpt(ours.get()) == 0);
    theirs = os::Descriptor(::open(::ptsname(ours.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  }
  void set_size(unsigned short rows, unsigned short columns) const {
    const winsize size{rows, columns, 0, 0};
    REQUIRE(::ioctl(ours.get(), TIOCSWINSZ, &size) == 0);
  }
  void type(const std::string& keys) const {
    REQUIRE(::write(ours.get(), keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  /// Waits until these words are on it; what was before them is forgotten.
  bool shows(const std::string& words) {
    for (;;) {
      if (const auto found = shown.find(words); found != std::string::npos) {
        shown.erase(0, found + words.size());
        return true;
      }
      pollfd state{ours.get(), POLLIN, 0};
      char buffer[4096];
      const ssize_t count = ::poll(&state, 1, 100'000) == 1 ? ::read(ours.get(), buffer, 4096) : 0;
      if (count <= 0) return false;
      shown.append(buffer, static_cast<std::size_t>(count));
    }
  }

  os::Descriptor ours{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  os::Descriptor theirs;
  std::string shown;
};

}  // namespace vmkit::test
