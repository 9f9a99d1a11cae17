// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <optional>
#include <system_error>

#include "agent/module_index.hpp"
#include "container/kernel_config.hpp"
#include "os/file.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/kernel_features.hpp>

namespace vmkit::container {
namespace {

constexpr ByteSize most_image_bytes(256ULL << 20);
constexpr ByteSize longest_config(4ULL << 20);

struct Entry {
  KernelFeature feature;
  const char* name;
  const char* option;
  const char* module;  // null: cannot be one
  const char* needed_for;
  bool required;
};

using enum KernelFeature;
constexpr Entry table[] = {
    {virtio_mmio, "virtio_mmio", "CONFIG_VIRTIO_MMIO", "virtio_mmio",
     "all devices of QEMU's machines", true},
    {virtio_pci, "virtio_pci", "CONFIG_VIRTIO_PCI", "virtio_pci",
     "all devices of Virtualization.framework's machines", true},
    {virtio_console, "virtio_console", "CONFIG_VIRTIO_CONSOLE", "virtio_console",
     "the agent's channel to the host", true},
    {virtio_blk, "virtio_blk", "CONFIG_VIRTIO_BLK", "virtio_blk", "disks", true},
    {ext4, "ext4", "CONFIG_EXT4_FS", "ext4", "the container's root", true},
    {initrd, "initrd", "CONFIG_BLK_DEV_INITRD", nullptr, "the agent as first process", true},
    {namespaces, "namespaces", "CONFIG_PID_NS", nullptr, "the container", true},
    {cgroups, "cgroups", "CONFIG_CGROUPS", nullptr, "limits and statistics", false},
    {virtio_net, "virtio_net", "CONFIG_VIRTIO_NET", "virtio_net", "networks", false},
    {virtio_rng, "virtio_rng", "CONFIG_HW_RANDOM_VIRTIO", "virtio_rng",
     "random numbers early in the boot", false},
    {vsock, "vsock", "CONFIG_VIRTIO_VSOCKETS", "vmw_vsock_virtio_transport",
     "a channel that is faster than a virtio console", false},
    {virtiofs, "virtiofs", "CONFIG_VIRTIO_FS", "virtiofs", "shared folders over virtiofs", false},
    {plan9, "9p", "CONFIG_9P_FS", "9p", "shared folders over 9p", false},
    {overlay, "overlay", "CONFIG_OVERLAY_FS", "overlay",
     "a writable layer over a disk that is shared", false},
    {erofs, "erofs", "CONFIG_EROFS_FS", "erofs", "disks in this format", false},
    {seccomp, "seccomp", "CONFIG_SECCOMP_FILTER", nullptr, "filters of system calls", false},
    {cgroup_cpu, "cgroup cpu", "CONFIG_CFS_BANDWIDTH", nullptr, "limits of processor time", false},
    {cgroup_cpuset, "cgroup cpuset", "CONFIG_CPUSETS", nullptr, "a choice of processors", false},
    {cgroup_memory, "cgroup memory", "CONFIG_MEMCG", nullptr, "limits of memory", false},
    {cgroup_pids, "cgroup pids", "CONFIG_CGROUP_PIDS", nullptr, "limits of processes", false},
    {cgroup_io, "cgroup io", "CONFIG_BLK_DEV_THROTTLING", nullptr, "limits of disk traffic", false},
    {cgroup_devices, "cgroup devices", "CONFIG_CGROUP_BPF", nullptr, "a choice of devices", false},
    {pressure, "pressure", "CONFIG_PSI", nullptr, "statistics of how long processes wait", false},
    {power_button, "power_button", "CONFIG_ACPI_BUTTON", "button",
     "a stop without the agent (x86-64)", false},
    {user_namespaces, "user_namespaces", "CONFIG_USER_NS", nullptr, "rootless engines, sandboxes",
     false},
    {posix_mqueue, "posix_mqueue", "CONFIG_POSIX_MQUEUE", nullptr, "/dev/mqueue", false},
    {fuse, "fuse", "CONFIG_FUSE_FS", "fuse", "file systems of programs", false},
    {tun, "tun", "CONFIG_TUN", "tun", "VPNs, user-mode networks", false},
    {veth, "veth", "CONFIG_VETH", "veth", "networks of containers inside", false},
    {bridge, "bridge", "CONFIG_BRIDGE", "bridge", "networks of containers inside", false},
    {nf_tables, "nf_tables", "CONFIG_NF_TABLES", "nf_tables", "firewalls, engines inside", false},
    {ipv6, "ipv6", "CONFIG_IPV6", "ipv6", "IPv6", false},
    {io_uring, "io_uring", "CONFIG_IO_URING", nullptr, "programs that use it", false},
    {binfmt_misc, "binfmt_misc", "CONFIG_BINFMT_MISC", "binfmt_misc",
     "programs of other architectures", false},
};

/// What tells which features there are.
struct Sources {
  std::optional<KernelSymbols> symbols;
  std::optional<agent::ModuleIndex> modules;
};

KernelSupport support_of(const Entry& entry, const Sources& sources) {
  const bool has_file =
      entry.module != nullptr && sources.modules && sources.modules->has_file(entry.module);
  if (sources.symbols) {
    const auto found = sources.symbols->find(entry.option);
    if (found == sources.symbols->end()) return KernelSupport::missing;
    if (found->second == 'y') return KernelSupport::built_in;
    return has_file ? KernelSupport::module : KernelSupport::missing;
  }
  if (entry.module == nullptr || !sources.modules) return KernelSupport::unknown;
  if (sources.modules->is_builtin(entry.module)) return KernelSupport::built_in;
  return has_file ? KernelSupport::module : KernelSupport::missing;
}

/// config-RELEASE beside the image, or the one that a kernel's modules folder says is its own.
std::filesystem::path find_config(const Kernel& kernel, const std::string& release) {
  const auto folder = std::filesystem::absolute(kernel.image).parent_path();
  std::string name = release;
  if (name.empty() && !kernel.modules.empty()) name = kernel.modules.filename().string();
  if (name.empty()) return {};
  const auto path = folder / ("config-" + name);
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) ? path : std::filesystem::path();
}

}  // namespace

std::string_view to_string(KernelFeature feature) noexcept {
  for (const Entry& entry : table) {
    if (entry.feature == feature) return entry.name;
  }
  return "unknown";
}

std::string_view to_string(KernelSupport support) noexcept {
  switch (support) {
    case KernelSupport::built_in:
      return "built_in";
    case KernelSupport::module:
      return "module";
    case KernelSupport::missing:
      return "missing";
    case KernelSupport::unknown:
      break;
  }
  return "unknown";
}

const KernelFeatureStatus& KernelFeatures::status(KernelFeature feature) const {
  for (const KernelFeatureStatus& status : features) {
    if (status.feature == feature) return status;
  }
  throw Error(Errc::internal, "kernel features: no word about " + std::string(to_string(feature)));
}

std::vector<KernelFeature> KernelFeatures::missing_requirements() const {
  std::vector<KernelFeature> missing;
  const bool any_transport = may_have(virtio_mmio) || may_have(virtio_pci);
  for (const KernelFeatureStatus& status : features) {
    const bool transport = status.feature == virtio_mmio || status.feature == virtio_pci;
    if (status.required && status.support == KernelSupport::missing &&
        !(transport && any_transport)) {
      missing.push_back(status.feature);
    }
  }
  return missing;
}

KernelFeatures kernel_features(const Kernel& kernel) {
  const KernelImage image = inspect_kernel_image(os::read_file(kernel.image, most_image_bytes));
  KernelFeatures result;
  result.release = image.release;
  Sources sources;
  if (!kernel.modules.empty()) sources.modules.emplace(kernel.modules);
  if (image.embedded) {
    result.configuration = kernel.image;
    sources.symbols = parse_kernel_config(*image.embedded);
  } else if (auto path = find_config(kernel, image.release); !path.empty()) {
    sources.symbols = parse_kernel_config(os::read_file(path, longest_config));
    result.configuration = std::move(path);
  }
  for (const Entry& entry : table) {
    result.features.push_back({entry.feature, support_of(entry, sources), entry.option,
                               entry.needed_for, entry.required});
  }
  return result;
}

}  // namespace vmkit::container
