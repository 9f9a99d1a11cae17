// SPDX-License-Identifier: Apache-2.0
#include "spawn.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "users.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;

constexpr std::size_t max_users_file = 4 * 1024 * 1024;
constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const char* variable(const SpawnRequest& request, std::string_view name) {
  for (const std::string& entry : request.env) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.c_str() + name.size() + 1;
    }
  }
  return nullptr;
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

UserIds resolve_user(const SpawnRequest& request) {
  if (request.user.empty()) {
    UserIds ids;
    ids.uid = ::geteuid();
    ids.gid = ::getegid();
    if (ids.uid == 0) ids.home = "/root";
    return ids;
  }
  const auto passwd = read_file("/etc/passwd", max_users_file);
  const auto group = read_file("/etc/group", max_users_file);
  return find_user(request.user, passwd ? *passwd : "", group ? *group : "");
}

void enter_working_directory(const std::string& path) {
  if (path.empty() || path[0] != '/') {
    throw RpcError(bad_working_directory,
                   "working directory \"" + path + "\": expected an absolute path");
  }
  if (::chdir(path.c_str()) == 0) return;
  if (errno == ENOENT) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      if (::mkdir(path.substr(0, end).c_str(), 0755) != 0 && errno != EEXIST) break;
      if (end == std::string::npos) break;
    }
    if (::chdir(path.c_str()) == 0) return;
  }
  throw RpcError(bad_working_directory, "working directory \"" + path + "\"", errno);
}

void become(const UserIds& ids) {
  if (ids.uid == ::geteuid() && ids.gid == ::getegid() && ids.uid != 0) return;
  // The process may open /dev/stdout again only if the pipe or terminal behind it is its own.
  for (int fd = 0; fd < 3; ++fd) {
    struct stat status;
    if (::fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || ::isatty(fd) == 1)) {
      [[maybe_unused]] const int ignored = ::fchown(fd, ids.uid, ids.gid);
    }
  }
  if (::setgroups(ids.groups.size(), ids.groups.data()) != 0 || ::setgid(ids.gid) != 0 ||
      ::setuid(ids.uid) != 0) {
    throw RpcError(
        bad_user,
        "cannot become user " + std::to_string(ids.uid) + ", group " + std::to_string(ids.gid),
        errno);
  }
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

[[noreturn]] void fail_to_run(const std::string& program, int errno_value) {
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
      throw RpcError(program_not_found, "program \"" + program + "\" not found", errno_value);
    case EACCES:
    case EPERM:
    case ENOEXEC:
    case EISDIR:
      throw RpcError(program_not_executable, "program \"" + program + "\" cannot be executed",
                     errno_value);
    default:
      throw RpcError(operation_failed, "program \"" + program + "\" cannot be started",
                     errno_value);
  }
}

[[noreturn]] void run(const SpawnRequest& request, const UserIds& ids) {
  std::vector<std::string> env = request.env;
  if (variable(request, "HOME") == nullptr) env.push_back("HOME=" + ids.home);
  const auto argv = pointers(request.args);
  const auto envp = pointers(env);
  const std::string& program = request.args[0];
  if (program.find('/') != std::string::npos) {
    ::execve(program.c_str(), argv.data(), envp.data());
    const int errno_value = errno;
    // The kernel says ENOENT also when the program is there and its interpreter is not.
    if (errno_value == ENOENT && ::access(program.c_str(), F_OK) == 0) {
      throw RpcError(program_not_found, "the interpreter of program \"" + program + "\" not found",
                     errno_value);
    }
    fail_to_run(program, errno_value);
  }
  const char* own_path = variable(request, "PATH");
  std::string_view path = own_path != nullptr ? std::string_view(own_path) : default_path;
  int failure = ENOENT;
  while (!program.empty()) {
    const std::size_t end = path.find(':');
    const std::string_view directory = path.substr(0, end);
    const std::string candidate =
        (directory.empty() ? std::string(".") : std::string(directory)) + "/" + program;
    struct stat status;
    if (::stat(candidate.c_str(), &status) == 0 && !S_ISDIR(status.st_mode)) {
      ::execve(candidate.c_str(), argv.data(), envp.data());
      failure = errno;
      if (failure != EACCES && failure != ENOENT) break;
    } else if (errno == EACCES) {
      failure = EACCES;
    }
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  fail_to_run(program, failure);
}

[[noreturn]] void run_child(const SpawnRequest& request, const std::array<int, 3>& stdio,
                            int result_fd) {
  try {
    ::setsid();
    reset_signals();
    ::umask(022);
    for (int i = 0; i < 3; ++i) {
      if (::dup2(stdio[static_cast<std::size_t>(i)], i) < 0) {
        throw RpcError(operation_failed, "cannot set up standard input and output", errno);
      }
    }
    if (request.terminal && ::ioctl(0, TIOCSCTTY, 0) != 0) {
      throw RpcError(operation_failed, "cannot set the controlling terminal", errno);
    }
    // Ours are closed on exec anyway; this is for what we inherited ourselves.
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    if (request.root != nullptr && (::chroot(request.root) != 0 || ::chdir("/") != 0)) {
      throw RpcError(operation_failed, "cannot enter the root", errno);
    }
    const UserIds ids = resolve_user(request);
    enter_working_directory(request.working_directory);
    become(ids);
    run(request, ids);
  } catch (const RpcError& error) {
    write_all(result_fd, std::to_string(error.code) + " " + std::to_string(error.errno_value) +
                             " " + error.message);
  } catch (const std::exception& error) {
    write_all(result_fd, std::to_string(operation_failed) + " 0 " + error.what());
  }
  ::_exit(127);
}

}  // namespace

Spawned spawn(const SpawnRequest& request, const std::array<int, 3>& stdio) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw RpcError(operation_failed, "cannot make a pipe", errno);
  }
  Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) throw RpcError(operation_failed, "cannot make a process", errno);
  if (pid == 0) run_child(request, stdio, write_end.get());
  return {pid, std::move(read_end)};
}

RpcError decode_spawn_failure(const std::string& encoded) {
  char* end = nullptr;
  const long code = std::strtol(encoded.c_str(), &end, 10);
  const long errno_value = std::strtol(end, &end, 10);
  RpcError error(static_cast<ErrorCode>(code), *end == ' ' ? end + 1 : end);
  error.errno_value = static_cast<int>(errno_value);
  return error;
}

}  // namespace vmkit::guest
