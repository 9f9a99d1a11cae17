// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/agent/isolation.hpp>
#include <vmkit/agent/limits.hpp>
#include <vmkit/agent/mount.hpp>

namespace vmkit::agent {

/// The disk that becomes the root of all processes.
struct RootMount {
  std::string serial;  ///< Of the virtio block device, as the machine was configured.
  std::string fs_type = "ext4";
  /// Mounts the disk read-only. Without a writable layer, so is the container's root.
  bool read_only = false;
};

/// What runc, and so Docker and containerd, hide of /proc and /sys and make read-only there.
const std::vector<std::string>& default_masked_paths();
const std::vector<std::string>& default_readonly_paths();

/// What the container in the machine is: its own namespaces (mount, pid, uts, ipc, cgroup; the
/// network is the machine's), its root and what is mounted in it, and its cgroup.
struct ContainerSpec {
  RootMount root;
  std::optional<WritableLayer> writable_layer = {};
  /// Nothing may be written to the container's root; disks, shares and tmpfs in it have their own.
  bool read_only_root = false;
  std::string hostname = {};  ///< Empty: the machine's.
  /// PID 1 of the container is an init of ours, which reaps orphans and passes signals on to the
  /// process that was started first. Otherwise the first process is PID 1, and its end is the end
  /// of all; so is each one that is started when none is left.
  bool init = true;
  std::vector<Mount> mounts = {};
  std::vector<Device> devices = {};
  std::vector<std::string> masked_paths = default_masked_paths();
  std::vector<std::string> readonly_paths = default_readonly_paths();
  /// /sys, /proc/sys' neighbours and the cgroups may be written, for privileged containers.
  bool writable_sys = false;
  /// All devices may be opened, for privileged containers; otherwise only those that every
  /// container has, and `devices`.
  bool all_devices = false;
  /// "net.ipv4.ip_forward" to "1". Those of the network and the machine hold for the machine.
  std::map<std::string, std::string> sysctls = {};
  ResourceLimits limits = {};
  std::optional<SeccompFilter> seccomp = {};
};

/// Throws invalid_argument for what no guest could do, naming the field.
void check(const ContainerSpec& spec);

}  // namespace vmkit::agent
