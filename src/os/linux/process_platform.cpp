// SPDX-License-Identifier: Apache-2.0
#include "os/process_platform.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::os {

Descriptor open_exit_event(pid_t pid) {
  Descriptor fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) throw Error::from_errno(errno, "watch a process (pidfd_open, Linux 5.3)");
  return fd;
}

void send_signal(int exit_event, pid_t, int signal) noexcept {
  ::syscall(SYS_pidfd_send_signal, exit_event, signal, nullptr, 0);
}

const bool can_die_with_parent = true;

bool arm_death_with_parent(pid_t parent) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == parent;
}

const bool can_have_private_mounts = true;

namespace {

bool write_text(const char* path, const char* text, std::size_t size) noexcept {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = ::write(fd, text, size) == static_cast<ssize_t>(size);
  ::close(fd);
  return written;
}

// As the kernel has it since Linux 5.12; not every libc does.
struct MountAttributes {
  std::uint64_t set;
  std::uint64_t clear;
  std::uint64_t propagation;
  std::uint64_t user_namespace;
};
constexpr std::uint64_t read_only_attribute = 1;
constexpr unsigned recursive = 0x8000;
constexpr long mount_setattr_number = 442;  // on every architecture

}  // namespace

bool enter_private_mounts(const PrivateMountsPlan& plan) noexcept {
  const bool own_user = !plan.user_map.empty();
  if (::unshare(CLONE_NEWNS | (own_user ? CLONE_NEWUSER : 0)) != 0) return false;
  if (own_user &&
      !(write_text("/proc/self/setgroups", "deny", 4) &&
        write_text("/proc/self/uid_map", plan.user_map.data(), plan.user_map.size()) &&
        write_text("/proc/self/gid_map", plan.group_map.data(), plan.group_map.size()))) {
    return false;
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (plan.read_only.empty()) return true;
  const char* const folder = plan.read_only.c_str();
  const MountAttributes attributes{read_only_attribute, 0, 0, 0};
  return ::mount(folder, folder, nullptr, MS_BIND | MS_REC, nullptr) == 0 &&
         ::syscall(mount_setattr_number, AT_FDCWD, folder, recursive, &attributes,
                   sizeof attributes) == 0;
}

void close_on_exec_from(int first) noexcept {
  if (::syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  // Before Linux 5.11: one by one, as far as descriptors ordinarily go.
  for (int fd = first; fd < 4096; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace vmkit::os
