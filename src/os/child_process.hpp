// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "os/descriptor.hpp"

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>

namespace vmkit::os {

/// How a process ended: by exit(`code`), or by `signal` when that is not 0.
struct ExitStatus {
  int code = 0;
  int signal = 0;

  bool success() const noexcept { return code == 0 && signal == 0; }
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

/// "exited with status 3", "was ended by signal 9 (Killed)".
std::string to_string(const ExitStatus& status);

/// A mount namespace of the child's own; in a user namespace too, in which the caller's user is
/// root, unless that is root already. Linux only; elsewhere spawn throws unsupported.
struct PrivateMounts {
  /// A folder that the child cannot write into, whatever it may do; empty: none.
  std::filesystem::path read_only = {};
};

struct SpawnOptions {
  std::vector<std::string>
      arguments;  ///< The first names the program: a path, or searched in PATH.
  /// The whole environment, "NAME=value"; without it the child gets the caller's own.
  std::optional<std::vector<std::string>> environment = {};
  std::filesystem::path working_directory = {};
  int stdin_fd = -1;   ///< -1: /dev/null. The caller keeps its descriptor.
  int stdout_fd = -1;  ///< -1: /dev/null.
  int stderr_fd = -1;  ///< -1: /dev/null.
  /// Descriptors the child gets besides, under the same numbers. All others are closed in it.
  std::vector<int> inherited = {};
  /// The kernel kills the child when the *thread* that spawned it ends: spawn from a thread that
  /// lives as long as the child may. Linux only; elsewhere spawn throws unsupported.
  bool die_with_parent_thread = false;
  std::optional<PrivateMounts> private_mounts = {};
};

/// A child process, in a process group of its own so that a terminal's Ctrl-C does not reach it.
/// The destructor kills it (SIGKILL) if it still runs, and reaps it. kill() may be called from any
/// thread, everything else from one at a time.
class ChildProcess {
 public:
  /// Throws what execve gave: not_found, permission_denied, …, naming the program.
  static ChildProcess spawn(const SpawnOptions& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const noexcept { return pid_; }
  /// For poll(2): readable once it has ended. Not to be read or closed.
  int exit_event() const noexcept { return exit_event_.get(); }

  /// The exit status if it has ended.
  std::optional<ExitStatus> poll();
  /// Waits until it has ended. On cancelled and timeout it goes on running.
  ExitStatus wait(const CallOptions& options = {});
  /// Sends `signal`; nothing happens when it has been reaped.
  void kill(int signal) noexcept;
  /// SIGTERM, then after `grace` SIGKILL; returns when it is reaped.
  ExitStatus terminate(std::chrono::steady_clock::duration grace);

 private:
  explicit ChildProcess(pid_t pid);

  pid_t pid_ = -1;
  Descriptor exit_event_;  // readable once it has ended
  std::optional<ExitStatus> status_;
};

struct Output {
  ExitStatus status;
  std::string out;
  std::string err;
};

/// Runs a program to its end with no input and returns what it printed: at most `limit` bytes of
/// each, more is an error (resource_exhausted). When the call ends with an error (also
/// cancelled and timeout), the program is killed with all of its process group.
Output run(SpawnOptions options, ByteSize limit, const CallOptions& call_options = {});

/// Where PATH (as given, "a:b:c") has an executable file `name`; nullopt if nowhere. A name with a
/// slash is only checked.
std::optional<std::filesystem::path> find_program(const std::string& name, const std::string& path);

}  // namespace vmkit::os
