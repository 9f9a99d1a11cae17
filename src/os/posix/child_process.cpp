// SPDX-License-Identifier: Apache-2.0
#include "os/child_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "os/process_platform.hpp"
#include "os/wait.hpp"

#include <vmkit/base/error.hpp>

extern char** environ;

namespace vmkit::os {
namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// Everything the child needs, made before the fork: after it only async-signal-safe calls are
/// allowed, since another thread may have held any lock.
struct ChildPlan {
  char* const* arguments;
  char* const* environment;
  const char* working_directory;
  std::array<int, 3> standard;
  const std::vector<int>& inherited;
  const PrivateMountsPlan* private_mounts;  // null: none
  bool die_with_parent_thread;
  pid_t parent;
  int error_pipe;
};

[[noreturn]] void child_main(const ChildPlan& plan) noexcept {
  const auto fail = [&] {
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(plan.error_pipe, &error, sizeof error);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  // First: where it changes the credentials, the kernel forgets whose death is to be ours.
  if (plan.private_mounts != nullptr && !enter_private_mounts(*plan.private_mounts)) fail();
  if (plan.die_with_parent_thread && !arm_death_with_parent(plan.parent)) ::_exit(127);
  // The signal mask and ignored signals pass through exec; the child starts with a clean slate.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  // First away from 0 to 2, so that no duplicate overwrites a source that is still needed.
  std::array<int, 3> moved{};
  for (int i = 0; i < 3; ++i) {
    const int source = plan.standard[i] >= 0 ? plan.standard[i] : ::open("/dev/null", O_RDWR);
    if (source < 0) fail();
    moved[i] = ::fcntl(source, F_DUPFD, 3);
    if (moved[i] < 0) fail();
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(moved[i], i) < 0) fail();
  }
  close_on_exec_from(3);
  for (const int fd : plan.inherited) ::fcntl(fd, F_SETFD, 0);
  if (plan.working_directory != nullptr && ::chdir(plan.working_directory) != 0) fail();
  environ = const_cast<char**>(plan.environment);
  ::execvp(plan.arguments[0], plan.arguments);
  fail();
  ::_exit(127);
}

std::string map_to_root(unsigned id) {
  return "0 " + std::to_string(id) + " 1\n";
}

PrivateMountsPlan plan_mounts(const PrivateMounts& mounts) {
  PrivateMountsPlan plan;
  if (::geteuid() != 0) {
    plan.user_map = map_to_root(::geteuid());
    plan.group_map = map_to_root(::getegid());
  }
  plan.read_only = mounts.read_only.native();
  return plan;
}

ExitStatus decode(int status) {
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

}  // namespace

std::string to_string(const ExitStatus& status) {
  if (status.signal == 0) return "exited with status " + std::to_string(status.code);
  const char* name = ::strsignal(status.signal);
  return "was ended by signal " + std::to_string(status.signal) + " (" +
         (name != nullptr ? name : "unknown") + ")";
}

ChildProcess ChildProcess::spawn(const SpawnOptions& options) {
  if (options.arguments.empty() || options.arguments[0].empty()) {
    throw Error(Errc::invalid_argument, "spawn: expected a program, found no arguments");
  }
  if (options.die_with_parent_thread && !can_die_with_parent) {
    throw Error(Errc::unsupported, "spawn " + options.arguments[0] +
                                       ": this system cannot end a child with its parent");
  }
  if (options.private_mounts && !can_have_private_mounts) {
    throw Error(Errc::unsupported,
                "spawn " + options.arguments[0] + ": this system has no mount namespaces");
  }
  std::optional<PrivateMountsPlan> mounts;
  if (options.private_mounts) mounts = plan_mounts(*options.private_mounts);
  const auto arguments = pointers_to(options.arguments);
  const auto environment =
      options.environment ? pointers_to(*options.environment) : std::vector<char*>();
  const std::string& directory = options.working_directory.native();
  DescriptorPair error_pipe = make_pipe();
  const ChildPlan plan{arguments.data(),
                       options.environment ? environment.data() : environ,
                       directory.empty() ? nullptr : directory.c_str(),
                       {options.stdin_fd, options.stdout_fd, options.stderr_fd},
                       options.inherited,
                       mounts ? &*mounts : nullptr,
                       options.die_with_parent_thread,
                       ::getpid(),
                       error_pipe.second.get()};
  const pid_t pid = ::fork();
  if (pid < 0) throw Error::from_errno(errno, "fork for " + options.arguments[0]);
  if (pid == 0) child_main(plan);
  error_pipe.second.reset();
  int error = 0;
  ssize_t count;
  do {
    count = ::read(error_pipe.first.get(), &error, sizeof error);
  } while (count < 0 && errno == EINTR);
  ChildProcess child(pid);
  if (count == sizeof error) {
    child.wait();
    throw Error::from_errno(error, "run " + options.arguments[0]);
  }
  return child;
}

ChildProcess::ChildProcess(pid_t pid) : pid_(pid) {
  try {
    exit_event_ = open_exit_event(pid);
  } catch (...) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw;
  }
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      exit_event_(std::move(other.exit_event_)),
      status_(std::exchange(other.status_, std::nullopt)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(exit_event_, other.exit_event_);
  std::swap(status_, other.status_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0 || status_) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<ExitStatus> ChildProcess::poll() {
  if (status_) return status_;
  int status = 0;
  const pid_t pid = ::waitpid(pid_, &status, WNOHANG);
  if (pid == pid_) status_ = decode(status);
  if (pid < 0 && errno == ECHILD) {
    // The host reaps all children itself (SIGCHLD ignored, or wait() in another thread).
    throw Error(Errc::failed_precondition,
                "child process " + std::to_string(pid_) +
                    ": its exit status was taken by someone else; the host must not ignore SIGCHLD "
                    "or reap children it did not start");
  }
  return status_;
}

ExitStatus ChildProcess::wait(const CallOptions& options) {
  for (;;) {
    if (const auto status = poll()) return *status;
    wait_ready(exit_event_.get(), Direction::read, "wait for a child process", options);
  }
}

void ChildProcess::kill(int signal) noexcept {
  if (pid_ > 0 && !status_) ::kill(pid_, signal);
}

ExitStatus ChildProcess::terminate(std::chrono::steady_clock::duration grace) {
  kill(SIGTERM);
  try {
    return wait(CallOptions{}.with_timeout(grace));
  } catch (const Error& error) {
    if (error.code() != Errc::timeout) throw;
  }
  kill(SIGKILL);
  return wait();
}

std::optional<std::filesystem::path> find_program(const std::string& name,
                                                  const std::string& path) {
  const auto executable = [](const std::filesystem::path& candidate) {
    std::error_code ignored;  // a folder that we may not look into has nothing for us
    return std::filesystem::is_regular_file(candidate, ignored) &&
           ::access(candidate.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) {
    if (executable(name)) return name;
    return std::nullopt;
  }
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    const std::filesystem::path folder = path.substr(start, end - start);
    if (!folder.empty() && executable(folder / name)) return folder / name;
    start = end + 1;
  }
  return std::nullopt;
}

}  // namespace vmkit::os
