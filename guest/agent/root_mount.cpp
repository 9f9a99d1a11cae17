// SPDX-License-Identifier: Apache-2.0
#include "root_mount.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot.hpp"
#include "directory.hpp"
#include "fd.hpp"
#include "rpc_error.hpp"

namespace vmkit::guest {
namespace {

using agent::protocol::no_such_device;
using agent::protocol::operation_failed;

std::string find_device(const std::string& serial) {
  std::string found;
  for_each_entry("/sys/block", [&](const std::string& device) {
    const auto value = read_file(("/sys/block/" + device + "/serial").c_str(), 256);
    if (value && first_line(*value) == serial) found = "/dev/" + device;
  });
  return found;
}

std::string wait_for_device(const std::string& serial) {
  constexpr useconds_t pause_us = 5000;
  constexpr int tries = 2'000'000 / pause_us;
  for (int i = 0; i < tries; ++i) {
    if (std::string device = find_device(serial); !device.empty()) return device;
    ::usleep(pause_us);
  }
  std::string present;
  for_each_entry("/sys/block", [&](const std::string& device) { present += " " + device; });
  throw RpcError(no_such_device, "no block device has the serial \"" + serial +
                                     "\"; present:" + (present.empty() ? " none" : present));
}

struct Mount {
  const char* type;
  const char* path;
  unsigned long flags;
  const char* data;
  bool optional;  // the kernel may be built without it
};

constexpr Mount mounts[] = {
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "", false},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "", false},
    {"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "", true},
    {"tmpfs", "/dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k", false},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5",
     false},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k", false},
    {"mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, "", true},
};

struct Node {
  const char* path;
  unsigned major;
  unsigned minor;
};

constexpr Node nodes[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                          {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
                          {"/dev/console", 5, 1}};

struct Link {
  const char* path;
  const char* target;
};

constexpr Link links[] = {{"/dev/ptmx", "pts/ptmx"},
                          {"/dev/fd", "/proc/self/fd"},
                          {"/dev/stdin", "/proc/self/fd/0"},
                          {"/dev/stdout", "/proc/self/fd/1"},
                          {"/dev/stderr", "/proc/self/fd/2"}};

void require(bool done, const std::string& what) {
  if (!done) throw RpcError(operation_failed, what, errno);
}

// Runs within the root, so that the image's own symbolic links cannot lead out of it.
void populate_root() {
  ::umask(0);
  for (const Mount& mount : mounts) {
    ::mkdir(mount.path, 0755);
    const bool done = ::mount(mount.type, mount.path, mount.type, mount.flags, mount.data) == 0;
    if (!mount.optional) require(done, std::string("cannot mount ") + mount.path);
  }
  for (const Node& node : nodes) {
    require(::mknod(node.path, S_IFCHR | 0666, makedev(node.major, node.minor)) == 0,
            std::string("cannot make ") + node.path);
  }
  for (const Link& link : links) {
    require(::symlink(link.target, link.path) == 0, std::string("cannot make ") + link.path);
  }
}

// In a child, because chroot cannot be undone; its message comes back through a pipe.
void populate_in_child() {
  int ends[2];
  require(::pipe2(ends, O_CLOEXEC) == 0, "cannot make a pipe");
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  const pid_t child = ::fork();
  require(child >= 0, "cannot fork");
  if (child == 0) {
    try {
      require(::chroot(root_path) == 0 && ::chdir("/") == 0, "cannot enter the root");
      populate_root();
    } catch (const RpcError& error) {
      write_all(write_end.get(), error.message);
    }
    ::_exit(0);
  }
  write_end.reset();
  std::string message;
  char buffer[512];
  for (;;) {
    const ssize_t count = ::read(read_end.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    message.append(buffer, static_cast<std::size_t>(count));
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (!message.empty()) throw RpcError(operation_failed, message);
}

}  // namespace

void mount_root(const RootMount& root) {
  load_root_modules();
  const std::string device = wait_for_device(root.serial);
  ::mkdir(root_path, 0755);
  const unsigned long flags = root.read_only ? MS_RDONLY : 0;
  require(::mount(device.c_str(), root_path, root.fs_type.c_str(), flags, "") == 0,
          "cannot mount " + device + " as " + root.fs_type);
  try {
    populate_in_child();
  } catch (const RpcError&) {
    unmount_root();
    throw;
  }
}

void unmount_root() {
  const std::string root = root_path;
  for (auto mount = std::rbegin(mounts); mount != std::rend(mounts); ++mount) {
    ::umount2((root + mount->path).c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
  // The file system is clean on the disk when this returns, unless something still uses it.
  if (::umount2(root_path, UMOUNT_NOFOLLOW) != 0 && errno == EBUSY) {
    ::mount(nullptr, root_path, nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
    ::umount2(root_path, MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

}  // namespace vmkit::guest
