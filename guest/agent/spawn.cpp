// SPDX-License-Identifier: Apache-2.0
#include "spawn.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service.hpp"
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

constexpr const char* rlimit_names[] = {
    "cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
    "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};
static_assert(std::size(rlimit_names) == RLIM_NLIMITS && RLIMIT_RTTIME == 15);

std::pair<int, rlimit> parse_rlimit(const std::string& name, const agent::Json& values) {
  const auto found = std::find(std::begin(rlimit_names), std::end(rlimit_names), name);
  if (found == std::end(rlimit_names)) {
    throw RpcError(invalid_params, "rlimits: unknown limit \"" + name + "\"");
  }
  return {static_cast<int>(found - rlimit_names),
          {values.at(0).get<rlim_t>(), values.at(1).get<rlim_t>()}};
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

UserIds resolve_user(const SpawnRequest& request) {
  if (request.user.empty() && request.groups.empty()) {
    UserIds ids;
    ids.uid = ::geteuid();
    ids.gid = ::getegid();
    if (ids.uid == 0) ids.home = "/root";
    return ids;
  }
  const auto passwd = read_file("/etc/passwd", max_users_file);
  const auto group = read_file("/etc/group", max_users_file);
  return find_user(request.user.empty() ? "0" : request.user, request.groups, passwd ? *passwd : "",
                   group ? *group : "");
}

// False if only the user himself may perhaps enter it, as on a share that root may not see into.
bool enter_working_directory(const std::string& path) {
  if (path.empty() || path[0] != '/') {
    throw RpcError(bad_working_directory,
                   "working directory \"" + path + "\": expected an absolute path", EINVAL);
  }
  if (::chdir(path.c_str()) == 0) return true;
  if (errno == ENOENT) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      if (::mkdir(path.substr(0, end).c_str(), 0755) != 0 && errno != EEXIST) break;
      if (end == std::string::npos) break;
    }
    if (::chdir(path.c_str()) == 0) return true;
  }
  if (errno == EACCES) return false;
  throw RpcError(bad_working_directory, "working directory \"" + path + "\"", errno);
}

// The process may open /dev/stdout again only if the pipe or terminal behind it is its own.
void own_standard_streams(const UserIds& ids) {
  for (int fd = 0; fd < 3; ++fd) {
    struct stat status;
    if (::fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || ::isatty(fd) == 1)) {
      [[maybe_unused]] const int ignored = ::fchown(fd, ids.uid, ids.gid);
    }
  }
}

void become(const SpawnRequest& request, const UserIds& ids, std::uint64_t keep) {
  if (request.capabilities) return become(ids, *request.capabilities, keep);
  if (ids.uid == ::geteuid() && ids.gid == ::getegid() && ids.uid != 0) return;
  become(ids);
}

void set_limits(const SpawnRequest& request) {
  if (request.oom_score_adj &&
      !write_file("/proc/self/oom_score_adj", std::to_string(*request.oom_score_adj))) {
    throw RpcError(operation_failed, "cannot set oom_score_adj", errno);
  }
  for (const auto& [resource, limit] : request.rlimits) {
    if (::prlimit(0, static_cast<__rlimit_resource>(resource), &limit, nullptr) != 0) {
      throw RpcError(operation_failed,
                     std::string("cannot set the limit ") + rlimit_names[resource], errno);
    }
  }
}

void filter_system_calls(const SeccompProgram& program) {
  const sock_fprog filter{static_cast<unsigned short>(program.size()),
                          const_cast<sock_filter*>(program.data())};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0) {
    throw RpcError(errno == EINVAL ? not_supported : operation_failed,
                   "cannot filter system calls (seccomp)", errno);
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
    set_limits(request);
    if (request.container != nullptr) {
      // Others there must not reach into this process, which still is a part of the agent, with its
      // descriptors. The program that it becomes is an ordinary one again.
      ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
      request.container->enter();
    }
    const UserIds ids = resolve_user(request);
    own_standard_streams(ids);
    const bool entered = enter_working_directory(request.working_directory);
    ::umask(request.umask);
    // Without no_new_privileges a filter needs a privilege; its own loading is then the last thing
    // that it does not filter.
    const bool filtered = !request.seccomp.empty();
    const bool privileged = filtered && !request.no_new_privileges;
    become(request, ids, privileged ? cap_sys_admin_bit : 0);
    if (!entered && ::chdir(request.working_directory.c_str()) != 0) {
      throw RpcError(bad_working_directory,
                     "working directory \"" + request.working_directory + "\"", errno);
    }
    if (request.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
      throw RpcError(operation_failed, "cannot set no_new_privileges", errno);
    }
    if (filtered) filter_system_calls(request.seccomp);
    run(request, ids);
  } catch (const RpcError& error) {
    write_all(result_fd, encode_failure(error));
  } catch (const std::exception& error) {
    write_all(result_fd, encode_failure(RpcError(operation_failed, error.what())));
  }
  ::_exit(127);
}

}  // namespace

SpawnRequest parse_spawn_request(const agent::Json& params, Container* container) {
  SpawnRequest request;
  request.container = container;
  request.args = params.at("args").get<std::vector<std::string>>();
  if (request.args.empty()) throw RpcError(invalid_params, "args: expected at least one");
  request.env = get_or<std::vector<std::string>>(params, "env", {});
  request.terminal = params.contains("terminal");
  request.working_directory = get_or<std::string>(params, "working_dir", "/");
  request.user = get_or<std::string>(params, "user", "");
  request.groups = get_or<std::vector<std::string>>(params, "groups", {});
  request.umask = get_or<mode_t>(params, "umask", 022) & 0777;
  const auto rlimits = get_or<agent::Json>(params, "rlimits", agent::Json::object());
  for (const auto& [name, values] : rlimits.items()) {
    request.rlimits.push_back(parse_rlimit(name, values));
  }
  // In a test the agent has no capabilities to give.
  if (const auto sets = params.find("capabilities"); sets != params.end() && container != nullptr) {
    request.capabilities = parse_capabilities(*sets);
  }
  request.no_new_privileges = get_or<bool>(params, "no_new_privileges", false);
  if (const auto score = params.find("oom_score_adj"); score != params.end()) {
    request.oom_score_adj = score->get<int>();
  }
  if (const auto filter = params.find("seccomp"); filter != params.end()) {
    request.seccomp = parse_seccomp(filter->get<std::string>());
  } else if (container != nullptr) {
    request.seccomp = container->seccomp();
  }
  return request;
}

Spawned spawn(const SpawnRequest& request, const std::array<int, 3>& stdio) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw RpcError(operation_failed, "cannot make a pipe", errno);
  }
  Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  const pid_t pid = request.container != nullptr ? request.container->fork() : ::fork();
  if (pid < 0) throw RpcError(operation_failed, "cannot make a process", errno);
  if (pid == 0) run_child(request, stdio, write_end.get());
  return {pid, std::move(read_end)};
}

}  // namespace vmkit::guest
