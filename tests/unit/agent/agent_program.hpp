// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <signal.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "unit/agent/fd_stream.hpp"

#include <vmkit/agent/client.hpp>

// The real agent program, serving a socket as an ordinary process: no machine, no root file system.
namespace vmkit::agent::test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

inline CallOptions soon() {
  return CallOptions{}.with_timeout(30s);
}

class AgentProgram {
 public:
  /// `files_root` is what requests about files see.
  explicit AgentProgram(const std::string& files_root = "/") {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const int fd = ::fcntl(fds[1], F_DUPFD, 10);
      const std::string number = std::to_string(fd);
      ::execl(VMKIT_TEST_AGENT, "vmkit_guest_agent", "--serve-fd", number.c_str(), "--root",
              files_root.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(fds[1]);
    stream = std::make_unique<FdStream>(fds[0]);
  }
  /// Checks that the program ends by itself when its client has gone.
  ~AgentProgram() {
    stream.reset();
    int status = 0;
    const auto limit = Clock::now() + 10s;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (Clock::now() > limit) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, &status, 0);
        FAIL_CHECK("the agent did not end with its client");
        return;
      }
      std::this_thread::sleep_for(1ms);
    }
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }

  std::unique_ptr<Stream> stream;

 private:
  pid_t pid_ = -1;
};

struct Session {
  explicit Session(const std::string& files_root = "/") : program(files_root) {}

  AgentProgram program;
  Client client = Client::connect(std::move(program.stream), soon());
};

inline std::string read_all(ProcessOutput& output) {
  std::string text;
  std::vector<std::byte> buffer(50'000);
  while (const std::size_t count = output.read(buffer, soon())) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return text;
}

inline ProcessSpec shell(const std::string& script) {
  return {.args = {"sh", "-c", script}, .env = {"PATH=/usr/bin:/bin"}};
}

inline void expect(Errc code, int errno_value, const char* words,
                   const std::function<void()>& action) {
  try {
    action();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK_MESSAGE(error.code() == code, error.what());
    CHECK_MESSAGE(std::string(error.what()).find(words) != std::string::npos, error.what());
    if (errno_value != 0) CHECK(error.native() == NativeError{ErrorDomain::posix, errno_value});
  }
}

}  // namespace vmkit::agent::test
