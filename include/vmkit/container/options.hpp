// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/log.hpp>
#include <vmkit/container/image_overrides.hpp>
#include <vmkit/container/isolation.hpp>
#include <vmkit/container/mounts.hpp>
#include <vmkit/container/names.hpp>
#include <vmkit/container/port_mapping.hpp>
#include <vmkit/container/probe.hpp>
#include <vmkit/container/process_options.hpp>
#include <vmkit/disk/clone.hpp>
#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/vm/backend.hpp>

namespace vmkit::container {

/// The kernel that a container's machine boots. Any Linux with virtio works; Debian's cloud kernel
/// does, with its modules.
struct Kernel {
  std::filesystem::path image;  ///< For the image's architecture, which may not be the host's.
  /// The folder that has the kernel's modules.dep; empty: all drivers are built in.
  std::filesystem::path modules = {};
  /// More of them to load at boot, by name ("nf_tables", "tun"), with what they depend on.
  std::vector<std::string> extra_modules = {};
  /// Added to the kernel's command line; one line.
  std::string command_line = {};
};

/// Of a container's disk; its file takes only what is used.
inline constexpr ByteSize default_disk_size = 16_GiB;

/// What a container is made of. The members without a default must be given.
struct ContainerOptions {
  oci::Image image;       ///< In `store`, complete.
  oci::ImageStore store;  ///< Unpacked images are cached in its folder rootfs/.
  /// The container's own folder: its disk, its console log. Made with the container (it must not
  /// exist, its parent is made if missing) and removed with it, unless it is kept.
  std::filesystem::path folder;
  std::shared_ptr<vm::Backend> backend;
  Kernel kernel;
  ImageOverrides overrides = {};  ///< Of the image's configuration, for this container.

  /// Empty: twelve random hexadecimal digits, which a container that is kept keeps.
  std::string hostname = {};
  unsigned cpu_count = 1;
  ByteSize memory = 512_MiB;
  bool console = true;   ///< vm::ConsoleLog::device.
  bool balloon = false;  ///< Memory can be taken back while it runs: set_memory_target().
  ByteSize disk_size = default_disk_size;  ///< What the guest sees.
  disk::CloneMode clone_mode = disk::CloneMode::prefer_cow;
  Isolation isolation = {};
  /// The container outlives the object and the process, and Container::open() goes on with it: its
  /// disk has a journal, and what the guest writes back is written back on the host too. Whatever
  /// crashes (guest, backend, host application, host), the next start finds a consistent disk.
  bool keep = false;
  /// Published by start(), which takes the places on the host before it boots anything: a port that
  /// is taken is an error (already_exists) of its own.
  std::vector<PortMapping> ports = {};
  /// Checked from start() on, told by Container::health(). Without a value the image's Healthcheck,
  /// if it has one.
  std::optional<Probe> health = {};
  bool check_health = true;  ///< False: nothing is checked, whatever the image says.
  std::vector<HostMount> host_mounts = {};
  std::vector<VolumeMount> volume_mounts = {};
  std::filesystem::path volumes_folder = {};  ///< Of `volume_mounts`: see Volumes.
  std::vector<DiskMount> disk_mounts = {};
  ImageVolumes image_volumes = ImageVolumes::automatic;
  /// A virtio network device that reaches what the host reaches; the host itself is there too, at
  /// the gateway's address ("host-gateway").
  bool network = false;
  /// What `network` is, if it is to be another one. Its addresses come from the backend or, where
  /// that does not decide them, from a DHCP server, before anything runs in the container.
  vm::Network network_device = {};
  Names names = {};
  /// What stop() asks processes to end with: a name or number, as in an image's configuration.
  /// Without a value the image's StopSignal or, if it has none, SIGTERM.
  std::optional<std::string> stop_signal = {};
  /// How often the guest's clock is compared with the host's and set if it is more than a second
  /// off, besides at the start and on resume; zero: never.
  std::chrono::milliseconds clock_interval = std::chrono::seconds(30);
  /// How long the machine may take from its start until its agent answers.
  std::chrono::milliseconds boot_limit = std::chrono::seconds(60);
  std::shared_ptr<LogSink> log = {};  ///< Of the container's own steps; the backend has its own.
};

/// How long the steps took; zero for those that have not been done, or were not needed.
struct Timeline {
  std::chrono::nanoseconds unpack{0};  ///< Layers to a disk; zero if it was cached.
  std::chrono::nanoseconds clone{0};   ///< The cached disk to the container's own.
  std::chrono::nanoseconds boot{0};    ///< Machine start to the agent's first answer.
  std::chrono::nanoseconds mount{0};   ///< The root mounted and the guest configured.
  disk::CloneMethod clone_method = disk::CloneMethod::sparse_copy;
};

}  // namespace vmkit::container
