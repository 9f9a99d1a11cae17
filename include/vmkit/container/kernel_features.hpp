// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/container/options.hpp>

namespace vmkit::container {

/// What vmkit and the programs in its containers can use of a guest's kernel.
enum class KernelFeature {
  // A machine does not start without these: of the first two, one.
  virtio_mmio,
  virtio_pci,
  virtio_console,
  virtio_blk,
  ext4,
  initrd,
  namespaces,
  cgroups,
  // What some features of vmkit need.
  virtio_net,
  virtio_rng,
  vsock,
  virtiofs,
  plan9,
  overlay,
  erofs,
  seccomp,
  cgroup_cpu,
  cgroup_cpuset,
  cgroup_memory,
  cgroup_pids,
  cgroup_io,
  cgroup_devices,
  pressure,
  power_button,
  user_namespaces,
  posix_mqueue,
  // What programs in containers ask for.
  fuse,
  tun,
  veth,
  bridge,
  nf_tables,
  ipv6,
  io_uring,
  binfmt_misc,
};

/// "virtio_mmio", …; plan9 is "9p".
std::string_view to_string(KernelFeature feature) noexcept;

enum class KernelSupport {
  built_in,
  module,   ///< In the modules folder.
  missing,  ///< Also a module whose file is not in the modules folder.
  unknown,  ///< Neither a configuration nor a list of modules tells.
};

std::string_view to_string(KernelSupport support) noexcept;

/// Whether a kernel has a feature, and where it does not, what is lost.
struct KernelFeatureStatus {
  KernelFeature feature;
  KernelSupport support;
  std::string_view option;      ///< Of the kernel's configuration: "CONFIG_PSI".
  std::string_view needed_for;  ///< "statistics of how long processes wait".
  bool required = false;        ///< No container runs without it (of the transports, one will do).
};

/// What a kernel can do for containers.
struct KernelFeatures {
  std::string release;                  ///< As `uname -r` has it; empty if it is not known.
  std::filesystem::path configuration;  ///< The file that was read; the image itself, or empty.
  std::vector<KernelFeatureStatus> features;  ///< Each feature once, in their order.

  const KernelFeatureStatus& status(KernelFeature feature) const;
  /// Not known to be missing.
  bool may_have(KernelFeature feature) const {
    return status(feature).support != KernelSupport::missing;
  }
  /// What is missing and without which no container runs.
  std::vector<KernelFeature> missing_requirements() const;
};

/// What `kernel` has, without booting it: by its configuration, which may be in the image
/// (CONFIG_IKCONFIG, in one that is not compressed) or beside it as "config-RELEASE", and by its
/// modules folder. Throws not_found without an image; data_corruption for a modules index that is
/// malformed; io errors by errno. Thread-safe.
KernelFeatures kernel_features(const Kernel& kernel);

}  // namespace vmkit::container
