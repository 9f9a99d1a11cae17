// SPDX-License-Identifier: Apache-2.0
#include "container.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "container_init.hpp"
#include "container_setup.hpp"
#include "device_policy.hpp"
#include "rpc_error.hpp"
#include "storage.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;

// Of struct clone_args, which not every libc's headers have in full.
struct CloneArguments {
  std::uint64_t flags = 0;
  std::uint64_t pidfd = 0;
  std::uint64_t child_tid = 0;
  std::uint64_t parent_tid = 0;
  std::uint64_t exit_signal = SIGCHLD;
  std::uint64_t stack = 0;
  std::uint64_t stack_size = 0;
  std::uint64_t tls = 0;
  std::uint64_t set_tid = 0;
  std::uint64_t set_tid_size = 0;
  std::uint64_t cgroup = 0;
};
constexpr std::uint64_t clone_into_cgroup = 0x200000000ULL;

// As fork, within a cgroup from the first instruction on: moving a process later takes the kernel
// milliseconds. We have one thread, so that nothing is lost by going past libc.
pid_t fork_into(int cgroup, std::uint64_t flags) {
  CloneArguments arguments;
  arguments.flags = flags;
  if (cgroup >= 0) {
    arguments.flags |= clone_into_cgroup;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

std::string read_to_end(int fd) {
  std::string text;
  char buffer[512];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Fd open_of(pid_t pid, const char* what) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + what;
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw RpcError(operation_failed, path, errno);
  return fd;
}

std::vector<std::string> mount_sources(const std::vector<MountSpec>& mounts) {
  std::vector<std::string> paths;
  for (const MountSpec& mount : mounts) {
    if (mount.in_container()) {
      paths.emplace_back();
      continue;
    }
    if (mount.type == "file") {
      paths.push_back(make_file_source(mount.subpath, mount.source));
      continue;
    }
    // The source itself is read-only if nobody may write; its journal is another matter.
    const bool read_only = std::all_of(mounts.begin(), mounts.end(), [&](const MountSpec& other) {
      return other.type != mount.type || other.source != mount.source ||
             (other.flags & MS_RDONLY) != 0;
    });
    paths.push_back(
        mount_source({mount.type, mount.source, mount.fs_type, mount.options, read_only}));
  }
  return paths;
}

}  // namespace

Container::Container(ContainerSpec spec) : spec_(std::move(spec)) {
  try {
    mount_root(spec_);
    const auto sources = mount_sources(spec_.mounts);
    cgroup_ = Cgroup::make(spec_.limits);
    if (cgroup_ && !spec_.all_devices) limit_devices(cgroup_.fd(), spec_.devices);
    own_pid_namespace_ = open_of(::getpid(), "ns/pid");
    set_up(sources);
  } catch (...) {
    if (init_pid_ != 0) {
      ::kill(init_pid_, SIGKILL);
      reap(init_pid_);
    }
    for (Fd* fd : {&root_, &mounts_}) fd->reset();
    unmount_storage();
    throw;
  }
}

// In a child, which becomes the container's PID 1 if that is ours. What fails comes back through
// one pipe; through the other the child learns that we have taken what we need of it.
void Container::set_up(const std::vector<std::string>& sources) {
  int result[2];
  int go[2];
  if (::pipe2(result, O_CLOEXEC) != 0 || ::pipe2(go, O_CLOEXEC) != 0) {
    throw RpcError(operation_failed, "cannot make a pipe", errno);
  }
  const Fd result_read(result[0]);
  Fd result_write(result[1]);
  Fd go_read(go[0]);
  Fd go_write(go[1]);
  std::uint64_t flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC;
  if (spec_.init) flags |= CLONE_NEWPID;
  const pid_t child = fork_into(cgroup_.fd(), flags);
  if (child < 0) throw RpcError(operation_failed, "cannot make the container's namespaces", errno);
  if (child == 0) {
    try {
      if (::unshare(CLONE_NEWCGROUP) != 0 && errno != EINVAL) {
        throw RpcError(operation_failed, "cannot make a cgroup namespace", errno);
      }
      if (!spec_.hostname.empty() &&
          ::sethostname(spec_.hostname.data(), spec_.hostname.size()) != 0) {
        throw RpcError(operation_failed, "cannot set the host name \"" + spec_.hostname + "\"",
                       errno);
      }
      set_up_root(spec_, sources);
    } catch (const RpcError& error) {
      write_all(result_write.get(), encode_failure(error));
      ::_exit(1);
    }
    result_write.reset();
    go_write.reset();
    char ignored;
    [[maybe_unused]] const ssize_t end = ::read(go_read.get(), &ignored, 1);
    if (spec_.init) run_container_init();
    ::_exit(0);
  }
  result_write.reset();
  go_read.reset();
  if (const std::string failure = read_to_end(result_read.get()); !failure.empty()) {
    reap(child);
    throw decode_failure(failure);
  }
  if (spec_.init) init_pid_ = child;
  write_file(("/proc/" + std::to_string(child) + "/oom_score_adj").c_str(), "-1000");
  mounts_ = open_of(child, "ns/mnt");
  names_ = open_of(child, "ns/uts");
  ipc_ = open_of(child, "ns/ipc");
  cgroups_ = open_of(child, "ns/cgroup");
  if (spec_.init) pids_ = open_of(child, "ns/pid");
  root_ = Fd(::open(("/proc/" + std::to_string(child) + "/root").c_str(),
                    O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_) throw RpcError(operation_failed, "cannot open the container's root", errno);
  go_write.reset();
  if (!spec_.init) reap(child);
}

void Container::set_hostname(const std::string& name) const {
  // The agent joins the container's names for a moment: it has one thread, which does nothing else.
  const Fd own(::open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC));
  if (!own || ::setns(names_.get(), CLONE_NEWUTS) != 0) {
    throw RpcError(operation_failed, "cannot enter the container's namespace", errno);
  }
  const bool done = ::sethostname(name.data(), name.size()) == 0;
  const int failure = errno;
  ::setns(own.get(), CLONE_NEWUTS);
  if (!done) {
    throw RpcError(operation_failed, "cannot set the host name \"" + name + "\"", failure);
  }
}

pid_t Container::fork() {
  const bool first = !pids_;
  if (first ? ::unshare(CLONE_NEWPID) != 0 : ::setns(pids_.get(), CLONE_NEWPID) != 0) {
    throw RpcError(operation_failed, "cannot use the container's pid namespace", errno);
  }
  const pid_t pid = fork_into(cgroup_.fd(), 0);
  const int failure = errno;
  if (pid == 0) {
    first_ = first;
    return 0;
  }
  ::setns(own_pid_namespace_.get(), CLONE_NEWPID);
  if (pid > 0) {
    if (first) {
      pids_ = open_of(pid, "ns/pid");
      first_pid_ = pid;
    }
    return pid;
  }
  if (failure == ENOMEM && !first && !spec_.init) {
    pids_.reset();  // its PID 1 has ended, and all with it
    return fork();
  }
  if (failure == ENOMEM && spec_.init && ::kill(init_pid_, 0) != 0) {
    throw RpcError(wrong_state, "the container's init has ended");
  }
  throw RpcError(failure == EAGAIN ? limit_reached : operation_failed, "cannot make a process",
                 failure);
}

void Container::start_failed(pid_t pid) {
  // It tells so a moment before it ends, and all that is put into its namespace ends with it.
  if (pid == first_pid_ && !spec_.init) pids_.reset();
}

void Container::enter() const {
  if (::setns(cgroups_.get(), CLONE_NEWCGROUP) != 0 || ::setns(ipc_.get(), CLONE_NEWIPC) != 0 ||
      ::setns(names_.get(), CLONE_NEWUTS) != 0) {
    throw RpcError(operation_failed, "cannot enter the container's namespaces", errno);
  }
  enter_mounts();
  if (first_) mount_proc(spec_);
}

void Container::enter_mounts() const {
  if (::setns(mounts_.get(), CLONE_NEWNS) != 0) {
    throw RpcError(operation_failed, "cannot enter the container's mount namespace", errno);
  }
}

}  // namespace vmkit::guest
