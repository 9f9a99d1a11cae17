// SPDX-License-Identifier: Apache-2.0
#include "storage.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "boot.hpp"
#include "directory.hpp"
#include "fd.hpp"
#include "rpc_error.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;

constexpr const char* sources_path = "/mnt";
constexpr const char* layer_path = "/layer";  // lower, upper

std::string find_device(const std::string& serial) {
  std::string found;
  for_each_entry("/sys/block", [&](const std::string& device) {
    const auto value = read_file(("/sys/block/" + device + "/serial").c_str(), 256);
    if (value && first_line(*value) == serial) found = "/dev/" + device;
  });
  return found;
}

void require_mount(const std::string& device, const std::string& target, const std::string& type,
                   unsigned long flags, const std::string& options, const std::string& what) {
  ::mkdir(target.c_str(), 0755);
  if (::mount(device.c_str(), target.c_str(), type.c_str(), flags, options.c_str()) == 0) return;
  // ENODEV: no such file system type in this kernel.
  throw RpcError(errno == ENODEV ? not_supported : operation_failed,
                 "cannot mount " + what + " as " + type, errno);
}

// A path that has been used for a source already, by what it is a source of.
struct Mounted {
  std::string type;
  std::string name;
  bool read_only;
  std::string path;
};
std::vector<Mounted>& mounted() {
  static std::vector<Mounted> list;
  return list;
}

std::vector<std::string>& writable() {
  static std::vector<std::string> list;
  return list;
}

/// Mounts a disk, and remembers it if it can be written.
void mount_disk(const std::string& serial, const std::string& target, const std::string& fs_type,
                unsigned long flags, const std::string& options) {
  const std::string device = find_disk(serial);
  require_mount(device, target, fs_type, flags, options, device);
  if ((flags & MS_RDONLY) == 0) writable().push_back(target);
}

void unmount(const std::string& path) {
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) != 0 && errno == EBUSY) {
    ::mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
    ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

void mount_overlay(const ContainerSpec& spec) {
  const LayerSpec& layer = *spec.writable_layer;
  load_modules("overlay");
  ::mkdir(layer_path, 0700);
  const std::string lower = std::string(layer_path) + "/lower";
  const std::string upper = std::string(layer_path) + "/upper";
  mount_disk(spec.root.name, lower, spec.root.fs_type, MS_RDONLY, "");
  if (layer.serial.empty()) {
    const std::string size = layer.size != 0 ? ",size=" + std::to_string(layer.size) : "";
    require_mount("tmpfs", upper, "tmpfs", 0, "mode=755" + size, "the writable layer");
  } else {
    mount_disk(layer.serial, upper, layer.fs_type, 0, "");
  }
  // The root folder of the merged tree has the permissions of the upper one.
  struct stat root;
  if (::stat(lower.c_str(), &root) != 0) throw RpcError(operation_failed, lower, errno);
  ::mkdir((upper + "/work").c_str(), 0700);
  if (::mkdir((upper + "/upper").c_str(), 0755) == 0) {
    ::chmod((upper + "/upper").c_str(), root.st_mode & 07777);
    [[maybe_unused]] const int ignored =
        ::chown((upper + "/upper").c_str(), root.st_uid, root.st_gid);
  }
  require_mount("overlay", root_path, "overlay", 0,
                "lowerdir=" + lower + ",upperdir=" + upper + "/upper,workdir=" + upper + "/work",
                "the writable layer");
}

}  // namespace

std::string find_disk(const std::string& serial) {
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

void mount_root(const ContainerSpec& spec) {
  load_modules("root");
  if (spec.writable_layer) return mount_overlay(spec);
  mount_disk(spec.root.name, root_path, spec.root.fs_type, spec.root.read_only ? MS_RDONLY : 0, "");
}

std::string mount_source(const Source& source) {
  for (const Mounted& other : mounted()) {
    if (other.type == source.type && other.name == source.name) return other.path;
  }
  ::mkdir(sources_path, 0700);
  const std::string path = std::string(sources_path) + "/" + std::to_string(mounted().size());
  const unsigned long flags = source.read_only ? MS_RDONLY : 0;
  if (source.type == "disk") {
    mount_disk(source.name, path, source.fs_type, flags, source.options);
  } else {
    require_mount(source.name, path, source.type, flags, source.options,
                  "the share \"" + source.name + "\"");
  }
  mounted().push_back({source.type, source.name, source.read_only, path});
  return path;
}

const std::vector<std::string>& writable_disks() {
  return writable();
}

void thaw_disks() {
  for (const std::string& path : writable()) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd) ::ioctl(fd.get(), FITHAW, 0);
  }
}

std::string make_file_source(const std::string& name, const std::string& content) {
  ::mkdir(sources_path, 0700);
  const std::string folder = std::string(sources_path) + "/files";
  const bool made = std::any_of(mounted().begin(), mounted().end(),
                                [&](const Mounted& other) { return other.path == folder; });
  if (!made) {
    // The container may write to them, as to those of Docker; this is how much.
    require_mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=4m",
                  "the files of the container");
    mounted().push_back({"tmpfs", "", false, folder});
  }
  const std::string path = folder + "/" + name;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file || !write_all(file.get(), content)) throw RpcError(operation_failed, path, errno);
  return folder;
}

void unmount_storage() {
  unmount(root_path);
  for (const Mounted& source : mounted()) unmount(source.path);
  mounted().clear();
  unmount(std::string(layer_path) + "/upper");
  unmount(std::string(layer_path) + "/lower");
}

}  // namespace vmkit::guest
