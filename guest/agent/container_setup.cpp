// SPDX-License-Identifier: Apache-2.0
#include "container_setup.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.hpp"
#include "rpc_error.hpp"
#include "storage.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;

// As the kernel has them; not every libc does.
constexpr unsigned open_tree_clone = 1;
constexpr unsigned move_mount_from_empty_path = 4;

struct DefaultMount {
  const char* type;
  const char* path;
  unsigned long flags;
  const char* data;
  bool optional;  // the kernel may be built without it
};

constexpr unsigned long no_programs = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr DefaultMount default_mounts[] = {
    {"sysfs", "/sys", no_programs, "", false},
    {"cgroup2", "/sys/fs/cgroup", no_programs | MS_RELATIME, "", true},
    {"tmpfs", "/dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k", false},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5",
     false},
    {"tmpfs", "/dev/shm", no_programs, "mode=1777,size=65536k", false},
    {"mqueue", "/dev/mqueue", no_programs, "", true},
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

// A copy of what is mounted at `path`, or of a file or folder in it, to be mounted elsewhere.
Fd copy_of_mount(const std::string& path, const std::string& subpath) {
  Fd source(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (source && !subpath.empty()) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    source = Fd(
        static_cast<int>(::syscall(SYS_openat2, source.get(), subpath.c_str(), &how, sizeof how)));
  }
  if (!source) {
    throw RpcError(bad_mount, "mount: \"" + (subpath.empty() ? path : subpath) + "\" in its source",
                   errno);
  }
  Fd copy(static_cast<int>(::syscall(SYS_open_tree, source.get(), "",
                                     open_tree_clone | AT_EMPTY_PATH | AT_RECURSIVE | O_CLOEXEC)));
  require(bool(copy), "cannot copy the mount of " + path);
  return copy;
}

bool is_directory(int fd) {
  struct stat status;
  return ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

// What a mount goes onto: a folder, or a file for a file. Within the container's root already.
void make_target(const std::string& path, bool directory) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0) return;
  for (std::size_t end = path.find('/', 1); end != std::string::npos;
       end = path.find('/', end + 1)) {
    ::mkdir(path.substr(0, end).c_str(), 0755);
  }
  if (directory) {
    ::mkdir(path.c_str(), 0755);
  } else {
    constexpr int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
    if (Fd(::open(path.c_str(), flags, 0644))) return;
    // A link to nowhere, such as /etc/resolv.conf to what some service would write.
    ::unlink(path.c_str());
    Fd(::open(path.c_str(), flags, 0644));
  }
}

// Those flags of a mount that a remount must repeat, or it would take them away.
unsigned long flags_of(const char* path) {
  struct statvfs status;
  if (::statvfs(path, &status) != 0) return 0;
  unsigned long flags = 0;
  if ((status.f_flag & ST_RDONLY) != 0) flags |= MS_RDONLY;
  if ((status.f_flag & ST_NOSUID) != 0) flags |= MS_NOSUID;
  if ((status.f_flag & ST_NODEV) != 0) flags |= MS_NODEV;
  if ((status.f_flag & ST_NOEXEC) != 0) flags |= MS_NOEXEC;
  if ((status.f_flag & ST_NOATIME) != 0) flags |= MS_NOATIME;
  if ((status.f_flag & ST_RELATIME) != 0) flags |= MS_RELATIME;
  return flags;
}

bool add_flags(const char* path, unsigned long flags) {
  return ::mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | flags_of(path) | flags, nullptr) ==
         0;
}

void attach(int tree, const std::string& target, unsigned long flags) {
  make_target(target, is_directory(tree));
  if (::syscall(SYS_move_mount, tree, "", AT_FDCWD, target.c_str(), move_mount_from_empty_path) !=
          0 ||
      (flags != 0 && !add_flags(target.c_str(), flags))) {
    throw RpcError(bad_mount, "cannot mount at " + target, errno);
  }
}

void mount_extra(const MountSpec& mount, const Fd& tree) {
  if (tree) return attach(tree.get(), mount.target, mount.flags);
  if (mount.type == "bind") {
    return attach(copy_of_mount(mount.source, mount.subpath).get(), mount.target, mount.flags);
  }
  make_target(mount.target, true);
  if (::mount("tmpfs", mount.target.c_str(), "tmpfs", mount.flags, mount.options.c_str()) != 0) {
    throw RpcError(bad_mount,
                   "cannot mount a tmpfs with \"" + mount.options + "\" at " + mount.target, errno);
  }
}

// The initial root file system of a kernel cannot be given up by pivot_root; the container's is
// moved on top of it instead. For all processes that are to come it is the namespace's root.
void enter_root() {
  for (const char* path : {"/dev", "/proc", "/sys", "/mnt", "/layer"}) {
    ::umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
  }
  require(::chdir(root_path) == 0 && ::mount(".", "/", nullptr, MS_MOVE, nullptr) == 0 &&
              ::chroot(".") == 0 && ::chdir("/") == 0,
          "cannot make the container's root the root of its namespace");
}

void make_node(const DeviceSpec& device) {
  make_target(device.path.substr(0, std::max<std::size_t>(device.path.rfind('/'), 1)), true);
  ::unlink(device.path.c_str());
  const mode_t type = device.block ? S_IFBLK : S_IFCHR;
  require(
      ::mknod(device.path.c_str(), type | device.mode, makedev(device.major, device.minor)) == 0 &&
          ::chown(device.path.c_str(), device.uid, device.gid) == 0,
      "cannot make the device " + device.path);
}

void hide(const std::string& path) {
  if (::mount("/dev/null", path.c_str(), nullptr, MS_BIND, nullptr) == 0 || errno == ENOENT) return;
  require(errno == ENOTDIR && ::mount("tmpfs", path.c_str(), "tmpfs", MS_RDONLY, "size=4k") == 0,
          "cannot hide " + path);
}

void protect(const std::string& path) {
  if (::mount(path.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    if (errno == ENOENT) return;
  } else if (add_flags(path.c_str(), MS_RDONLY)) {
    return;
  }
  throw RpcError(operation_failed, "cannot make " + path + " read-only", errno);
}

void set_sysctl(const std::string& name, const std::string& value) {
  std::string path = "/proc/sys/" + name;
  // As sysctl(8) has it: with dots between, a slash is a dot of a name, and the other way round.
  if (name.find_first_of("./") == name.find('.')) {
    std::transform(path.begin() + 10, path.end(), path.begin() + 10, [](char c) {
      return c == '.' ? '/' : c == '/' ? '.' : c;
    });
  }
  if (path.find("/../") == std::string::npos && write_file(path.c_str(), value)) return;
  throw RpcError(errno == ENOENT ? not_supported : operation_failed,
                 "cannot set the sysctl \"" + name + "\" to \"" + value + "\"", errno);
}

}  // namespace

void mount_proc(const ContainerSpec& spec) {
  ::umount2("/proc", MNT_DETACH | UMOUNT_NOFOLLOW);
  ::mkdir("/proc", 0755);
  require(::mount("proc", "/proc", "proc", no_programs, "") == 0, "cannot mount /proc");
  for (const auto& [name, value] : spec.sysctls) set_sysctl(name, value);
  for (const std::string& path : spec.readonly_paths) protect(path);
  for (const std::string& path : spec.masked_paths) hide(path);
}

void set_up_root(const ContainerSpec& spec, const std::vector<std::string>& sources) {
  ::umask(0);
  std::vector<Fd> trees(spec.mounts.size());
  for (std::size_t i = 0; i < trees.size(); ++i) {
    if (!sources[i].empty()) trees[i] = copy_of_mount(sources[i], spec.mounts[i].subpath);
  }
  enter_root();
  for (const DefaultMount& mount : default_mounts) {
    ::mkdir(mount.path, 0755);
    const bool in_sys = std::string_view(mount.path).starts_with("/sys");
    const bool done = ::mount(mount.type, mount.path, mount.type, mount.flags, mount.data) == 0;
    if (!mount.optional) require(done, std::string("cannot mount ") + mount.path);
    if (done && in_sys && !spec.writable_sys) {
      require(add_flags(mount.path, MS_RDONLY), mount.path);
    }
  }
  for (const Node& node : nodes) make_node({node.path, false, node.major, node.minor});
  for (const DeviceSpec& device : spec.devices) make_node(device);
  for (const Link& link : links) {
    require(::symlink(link.target, link.path) == 0, std::string("cannot make ") + link.path);
  }
  ::mkdir("/proc", 0755);
  if (spec.init) mount_proc(spec);
  for (std::size_t i = 0; i < trees.size(); ++i) mount_extra(spec.mounts[i], trees[i]);
  if (spec.read_only_root) require(add_flags("/", MS_RDONLY), "cannot make the root read-only");
}

}  // namespace vmkit::guest
