// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "container/folder.hpp"
#include "os/file_lock.hpp"

#include <vmkit/agent/mount.hpp>
#include <vmkit/agent/network.hpp>
#include <vmkit/container/options.hpp>
#include <vmkit/vm/config.hpp>

namespace vmkit::container {

/// What a container has besides its own disk: disks and shares for its machine, mounts and
/// addresses for its agent. Holds its volumes while it lives. Move-only.
class Attachments {
 public:
  /// Makes volumes and fills them from the container's disk, which is ready.
  Attachments(const ContainerOptions& options, const Folder& folder,
              const CallOptions& call_options);

  void add_to(vm::MachineConfig& machine) const;
  /// Takes over what the backend decides about the networks of `machine`, which is complete. Throws
  /// invalid_argument for names that no network could make good.
  void set_network(const ContainerOptions& options, const Folder& folder,
                   const vm::MachineConfig& machine);

  const std::vector<agent::Mount>& mounts() const { return mounts_; }
  const std::vector<agent::InterfaceConfig>& interfaces() const { return interfaces_; }
  /// The files that name the container and others, with what its interfaces have got.
  std::vector<agent::Mount> name_mounts(const ContainerOptions& options,
                                        std::vector<agent::ConfiguredInterface> interfaces) const;

 private:
  void add_layer(const ContainerOptions& options, const Folder& folder,
                 const CallOptions& call_options);
  void add_disk(vm::Disk disk, agent::Mount mount);
  void add_volume(const VolumeMount& volume, const ContainerOptions& options, const Folder& folder,
                  const CallOptions& call_options);
  void add_image_volumes(const ContainerOptions& options, const Folder& folder,
                         const CallOptions& call_options);
  void add_host_mount(const HostMount& mount, const ContainerOptions& options,
                      const Folder& folder);
  bool is_mounted(const std::string& target, const ContainerOptions& options) const;

  std::vector<vm::Disk> disks_;
  std::vector<vm::Share> shares_;
  std::vector<agent::Mount> mounts_;
  std::vector<agent::InterfaceConfig> interfaces_;
  std::vector<std::string> dns_;  // where the backend decides it
  std::string machine_id_;
  std::vector<os::FileLock> locks_;
};

}  // namespace vmkit::container
