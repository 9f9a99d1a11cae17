// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/vm/config.hpp>

namespace vmkit::vm {

/// What a backend may or may not be able to do on this host.
enum class Feature {
  machines,               ///< Anything at all.
  hardware_acceleration,  ///< KVM, hvf, VZ; without it machines run, about ten times slower.
  sandbox,                ///< The machine's process gives up system calls it does not need.
  dies_with_owner,        ///< No machine outlives the process that started it, even after SIGKILL.
  virtiofs,               ///< Shared folders over virtiofs.
  plan9,                  ///< Shared folders over 9p.
  memory,                 ///< Enough is available for a small machine, of 128 MiB.
  vsock,                  ///< MachineConfig::vsock, and Machine::connect_vsock.
  vsock_listen,           ///< Machine::listen_vsock.
  save,                   ///< Machine::save and Machine::restore.
  statistics,             ///< Machine::statistics.
  firmware,               ///< MachineConfig::firmware.
  network_disks,          ///< Disk::nbd.
  bridged_networks,       ///< NetworkKind::bridged.
  host_only_networks,     ///< NetworkKind::host_only.
  subnets,                ///< Network::subnet.
  graphics,               ///< MachineConfig::graphics, and what goes with a screen.
  disk_hotplug,           ///< Machine::attach_disk and Machine::detach_disk.
  share_change,           ///< Machine::set_share.
};

/// "machines", "hardware_acceleration", …
std::string_view to_string(Feature feature) noexcept;

/// Why not. The texts may change, the codes do not.
enum class Limitation {
  none,
  missing_program,
  too_old,
  missing_device,
  no_permission,
  cpu_without_virtualization,
  other_architecture,  ///< The guest's instruction set is not the host's.
  not_built_in,        ///< The program is there, but made without it.
  disabled_by_option,  ///< The host application asked for it not to be used.
  too_little_memory,
  unsupported_system,  ///< This operating system has no such thing.
};

std::string_view to_string(Limitation limitation) noexcept;

/// Whether a host offers a feature, and where it does not, why and what to do.
struct FeatureStatus {
  Feature feature;
  Limitation limitation = Limitation::none;
  std::string reason = {};   ///< Empty if available; else one line for people.
  std::string way_out = {};  ///< What to do about it; may be empty: nothing.

  bool available() const noexcept { return limitation == Limitation::none; }
};

/// Feature::memory, as of now.
FeatureStatus memory_status(ByteSize available);

/// What one backend can do here, for guests of one architecture.
struct Capabilities {
  std::string backend;                  ///< "qemu", "vz"
  Architecture architecture;            ///< The guests'.
  std::string version;                  ///< The backend's program or framework; empty if missing.
  std::string accelerator;              ///< What machines will use: "kvm", "hvf", "tcg", "vz".
  std::vector<FeatureStatus> features;  ///< Each Feature once.

  const FeatureStatus& status(Feature feature) const;
  bool can(Feature feature) const { return status(feature).available(); }
};

}  // namespace vmkit::vm
