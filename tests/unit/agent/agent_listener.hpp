// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstring>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <signal.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/agent/fd_stream.hpp"
#include "unit/agent/temp_dir.hpp"

#include <vmkit/agent/client.hpp>

namespace vmkit::agent::test {

/// The real agent program, to which clients can connect one after another; and a hand on the
/// connection of the last one.
class AgentListener {
 public:
  AgentListener() {
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    address_.sun_family = AF_UNIX;
    const std::string path = (folder_.path() / "agent").string();
    REQUIRE(path.size() < sizeof address_.sun_path);
    std::strcpy(address_.sun_path, path.c_str());
    REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0);
    REQUIRE(::listen(listener, 8) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const std::string number = std::to_string(listener);
      ::execl(VMKIT_TEST_AGENT, "vmkit_guest_agent", "--listen-fd", number.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(listener);
  }
  ~AgentListener() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }

  std::unique_ptr<Stream> connect() {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0) {
      ::close(fd);
      throw Error(Errc::unavailable, "the agent does not listen");
    }
    const std::lock_guard lock(mutex_);
    if (last_ >= 0) ::close(last_);
    last_ = ::dup(fd);
    ++connections_;
    return std::make_unique<FdStream>(fd);
  }
  Dialler dialler() {
    return [this](const CallOptions&) { return connect(); };
  }
  Client client(const CallOptions& options) { return Client::connect(dialler(), {}, options); }

  /// The connection is gone in the middle of whatever goes on.
  void cut() {
    const std::lock_guard lock(mutex_);
    ::shutdown(last_, SHUT_RDWR);
  }
  int connections() {
    const std::lock_guard lock(mutex_);
    return connections_;
  }

 private:
  TempDir folder_;
  sockaddr_un address_{};
  pid_t pid_ = -1;
  std::mutex mutex_;
  int last_ = -1;
  int connections_ = 0;
};

}  // namespace vmkit::agent::test
