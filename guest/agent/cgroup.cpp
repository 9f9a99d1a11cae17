// SPDX-License-Identifier: Apache-2.0
#include "cgroup.hpp"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "rpc_error.hpp"
#include "service.hpp"
#include "storage.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr const char* mount_path = "/sys/fs/cgroup";
constexpr const char* container_path = "/sys/fs/cgroup/container";
constexpr std::size_t max_file = 64 * 1024;

std::string device_number(const std::string& serial) {
  struct stat status;
  const std::string disk = find_disk(serial);
  if (::stat(disk.c_str(), &status) != 0) throw RpcError(no_such_device, disk, errno);
  return std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
}

std::string number_or_max(const Json& value) {
  return value.is_null() ? "max" : std::to_string(value.get<std::uint64_t>());
}

}  // namespace

Cgroup Cgroup::make(const Json& limits) {
  Cgroup made;
  const bool mounted =
      ::mount("cgroup2", mount_path, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0 ||
      errno == EBUSY;
  if (mounted) {
    // Each by itself: one that this kernel does not have must not keep us from the others.
    const std::string subtree = std::string(mount_path) + "/cgroup.subtree_control";
    for (const char* name : {"cpu", "memory", "pids", "io", "cpuset"}) {
      write_file(subtree.c_str(), std::string("+") + name);
    }
    ::mkdir(container_path, 0755);
    made.folder_ = Fd(::open(container_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  made.limit(limits);
  return made;
}

void Cgroup::limit(const Json& limits) const {
  const auto set_if = [&](const char* field, const char* file) {
    if (const auto value = limits.find(field); value != limits.end()) {
      set(file, number_or_max(*value), field);
    }
  };
  if (const auto quota = limits.find("cpu_quota"); quota != limits.end()) {
    const auto period = get_or<std::uint64_t>(limits, "cpu_period", 100'000);
    set("cpu.max", number_or_max(*quota) + " " + std::to_string(period), "cpu_quota");
  }
  set_if("cpu_weight", "cpu.weight");
  if (const auto cpus = get_or<std::string>(limits, "cpus", ""); !cpus.empty()) {
    set("cpuset.cpus", cpus, "cpus");
  }
  // In this order, so that a limit below what is used now is reached by reclaiming first.
  set_if("memory_high", "memory.high");
  set_if("memory_low", "memory.low");
  set_if("swap_max", "memory.swap.max");
  set_if("memory_max", "memory.max");
  set_if("pids_max", "pids.max");
  set_if("io_weight", "io.weight");
  for (const Json& io : get_or<Json>(limits, "io", Json::array())) {
    std::string line = device_number(io.at("serial").get<std::string>());
    for (const char* key : {"rbps", "wbps", "riops", "wiops"}) {
      const auto value = get_or<std::uint64_t>(io, key, 0);
      line += std::string(" ") + key + "=" + (value != 0 ? std::to_string(value) : "max");
    }
    set("io.max", line, "io");
  }
}

void Cgroup::set(const char* file, const std::string& value, const char* field) const {
  const std::string what = std::string("limits: ") + field + ": ";
  if (!folder_) throw RpcError(not_supported, what + "this kernel has no cgroup v2");
  const Fd fd(::openat(folder_.get(), file, O_WRONLY | O_CLOEXEC));
  if (!fd) throw RpcError(not_supported, what + "this kernel has no " + file, errno);
  if (write_all(fd.get(), value)) return;
  throw RpcError(errno == EINVAL || errno == ERANGE ? invalid_params : operation_failed,
                 what + "cannot set " + file + " to \"" + value + "\"", errno);
}

std::optional<std::string> Cgroup::read(const char* file) const {
  if (!folder_) return std::nullopt;
  return read_file((std::string(container_path) + "/" + file).c_str(), max_file);
}

Fd Cgroup::open(const char* file) const {
  return folder_ ? Fd(::openat(folder_.get(), file, O_RDONLY | O_CLOEXEC)) : Fd();
}

}  // namespace vmkit::guest
