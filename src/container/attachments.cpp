// SPDX-License-Identifier: Apache-2.0
#include "container/attachments.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

#include "agent/domain_name.hpp"
#include "agent/random_hex.hpp"
#include "container/boot.hpp"
#include "container/names.hpp"
#include "container/volume_lock.hpp"
#include "os/directory.hpp"
#include "os/file.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/kernel_features.hpp>

namespace vmkit::container {
namespace {

// Larger messages than the default of 8 KiB; cache=mmap is what lets programs map files.
constexpr const char* plan9_options = "trans=virtio,version=9p2000.L,msize=512000,cache=mmap";

std::string numbered(const char* name, std::size_t index) {
  return std::string(name) + std::to_string(index);
}

/// How shares reach the container: what both its kernel and the host can do.
vm::ShareTransport choose_transport(const HostMount& mount, const ContainerOptions& options) {
  const std::string what = "mount " + mount.path.string();
  const Architecture architecture = architecture_of(options.image.platform);
  const vm::Capabilities host = options.backend->capabilities(architecture);
  const KernelFeatures kernel = kernel_features(options.kernel);
  std::string reasons;
  const auto can = [&](vm::ShareTransport transport, vm::Feature feature,
                       KernelFeature file_system) {
    if (mount.transport != vm::ShareTransport::automatic && mount.transport != transport) {
      return false;
    }
    const auto& status = host.status(feature);
    if (status.available() && kernel.may_have(file_system)) return true;
    const std::string reason = status.available()
                                   ? "the kernel " + options.kernel.image.string() + " has no " +
                                         std::string(to_string(file_system)) + " (" +
                                         std::string(kernel.status(file_system).option) + ")"
                                   : status.reason;
    reasons += (reasons.empty() ? "" : "; ") + reason;
    return false;
  };
  if (can(vm::ShareTransport::virtiofs, vm::Feature::virtiofs, KernelFeature::virtiofs)) {
    return vm::ShareTransport::virtiofs;
  }
  if (can(vm::ShareTransport::plan9, vm::Feature::plan9, KernelFeature::plan9)) {
    return vm::ShareTransport::plan9;
  }
  throw Error(Errc::unsupported, what + ": " + reasons);
}

/// A folder that has nothing but a link to `file`, under the same name.
std::filesystem::path stage_file(const std::filesystem::path& file, const Folder& folder,
                                 std::size_t index) {
  const auto stage = folder.path() / "files" / std::to_string(index);
  os::create_directories(stage, 0700);
  // Of what a symbolic link leads to: the container could not follow it.
  const auto real = std::filesystem::canonical(file);
  std::error_code none;  // of an earlier run of a container that is kept
  std::filesystem::remove(stage / file.filename(), none);
  if (::link(real.c_str(), (stage / file.filename()).c_str()) == 0) return stage;
  const int error = errno;
  const std::string what = "mount " + file.string() + " without what is beside it";
  if (error == EXDEV) {
    throw Error(Errc::failed_precondition,
                what + ": it and the container's folder " + folder.path().string() +
                    " are on two file systems; put them on one, or mount the file's folder");
  }
  if (error == EPERM) {
    throw Error(Errc::permission_denied,
                what +
                    ": this system does not allow links to files of others that one cannot "
                    "write (sysctl fs.protected_hardlinks); mount the file's folder, or a copy");
  }
  throw Error::from_errno(error, what);
}

/// Of the container and not of its disk, which others may be clones of.
std::string machine_id_of(const Folder& folder, bool kept) {
  constexpr std::size_t bytes = 16;
  const auto path = folder.path() / "machine-id";
  if (auto known = os::read_file_if_exists(path, 64_B)) return *known;
  std::string id = agent::random_hex(bytes);
  if (kept) os::write_file_atomically(path, id);
  return id;
}

}  // namespace

Attachments::Attachments(const ContainerOptions& options, const Folder& folder,
                         const CallOptions& call_options) {
  if (options.isolation.writable_disk) add_layer(options, folder, call_options);
  for (const DiskMount& disk : options.disk_mounts) {
    add_disk({.path = disk.path, .nbd = disk.nbd},
             {.target = disk.target, .fs_type = disk.fs_type, .read_only = disk.read_only});
  }
  for (const VolumeMount& volume : options.volume_mounts) {
    add_volume(volume, options, folder, call_options);
  }
  for (const HostMount& mount : options.host_mounts) add_host_mount(mount, options, folder);
  add_image_volumes(options, folder, call_options);
}

void Attachments::add_layer(const ContainerOptions& options, const Folder& folder,
                            const CallOptions& call_options) {
  const auto image = folder.path() / "layer.ext4";
  if (!std::filesystem::exists(image)) {  // or it is a container that is kept
    make_volume_image(image, *options.isolation.writable_disk, call_options);
  }
  disks_.push_back({.path = image,
                    .identifier = layer_disk_identifier,
                    .sync = options.keep ? vm::DiskSync::fsync : vm::DiskSync::none});
}

void Attachments::add_disk(vm::Disk disk, agent::Mount mount) {
  // One disk may be mounted at several places.
  const auto known = std::find_if(disks_.begin(), disks_.end(), [&](const vm::Disk& other) {
    return other.path == disk.path && other.nbd == disk.nbd;
  });
  if (known == disks_.end()) {
    disk.read_only = mount.read_only;
    disk.identifier = numbered("vmkit-disk-", disks_.size());
    mount.source = disk.identifier;
    disks_.push_back(std::move(disk));
  } else {
    known->read_only = known->read_only && mount.read_only;
    mount.source = known->identifier;
  }
  mount.type = agent::MountType::disk;
  mounts_.push_back(std::move(mount));
}

void Attachments::add_volume(const VolumeMount& volume, const ContainerOptions& options,
                             const Folder& folder, const CallOptions& call_options) {
  if (options.volumes_folder.empty()) {
    throw Error(Errc::invalid_argument,
                "volume " + volume.volume + ": expected a volumes_folder to find it in");
  }
  Volumes volumes(options.volumes_folder);
  const auto image = volumes.image(volume.volume);
  const bool held = std::any_of(disks_.begin(), disks_.end(),
                                [&](const vm::Disk& disk) { return disk.path == image; });
  if (!held) {
    // A volume that is mounted twice is held as the most that either wants.
    const bool read_only = std::all_of(
        options.volume_mounts.begin(), options.volume_mounts.end(),
        [&](const VolumeMount& other) { return other.volume != volume.volume || other.read_only; });
    locks_.push_back(lock_volume(volumes, volume.volume, read_only, call_options));
    if (volume.copy_image_content && !read_only) {
      fill_volume(image, folder.disk(), volume.target, call_options);
    }
  }
  add_disk({.path = image},
           {.target = volume.target, .subpath = volume_content, .read_only = volume.read_only});
}

void Attachments::add_image_volumes(const ContainerOptions& options, const Folder& folder,
                                    const CallOptions& call_options) {
  const bool anonymous =
      options.image_volumes == ImageVolumes::anonymous ||
      (options.image_volumes == ImageVolumes::automatic && options.isolation.read_only_root);
  if (!anonymous) return;
  for (const std::string& target : options.image.config.volumes) {
    if (target.empty() || target[0] != '/' || is_mounted(target, options)) continue;
    const auto image = folder.path() / (numbered("volume", disks_.size()) + ".ext4");
    if (!std::filesystem::exists(image)) {  // or it is a container that is kept
      make_volume_image(image, options.disk_size, call_options);
      fill_volume(image, folder.disk(), target, call_options);
    }
    add_disk({.path = image}, {.target = target, .subpath = volume_content});
    if (!options.keep) disks_.back().sync = vm::DiskSync::none;  // it goes with the container
  }
}

bool Attachments::is_mounted(const std::string& target, const ContainerOptions& options) const {
  const auto same = [&](const agent::Mount& mount) {
    return std::filesystem::path(mount.target).lexically_normal() ==
           std::filesystem::path(target).lexically_normal();
  };
  return std::any_of(mounts_.begin(), mounts_.end(), same) ||
         std::any_of(options.isolation.mounts.begin(), options.isolation.mounts.end(), same);
}

void Attachments::add_host_mount(const HostMount& mount, const ContainerOptions& options,
                                 const Folder& folder) {
  const auto path = std::filesystem::absolute(mount.path);
  if (!std::filesystem::exists(path)) {
    throw Error(Errc::not_found, "mount " + mount.path.string() + ": it does not exist");
  }
  const vm::ShareTransport transport = choose_transport(mount, options);
  vm::Share share{.tag = numbered("vmkit-share-", shares_.size()),
                  .path = path,
                  .read_only = mount.read_only,
                  .transport = transport};
  agent::Mount inside{.target = mount.target, .read_only = mount.read_only};
  if (!std::filesystem::is_directory(path)) {
    share.path = stage_file(path, folder, shares_.size());
    inside.subpath = path.filename().string();
  }
  const auto known = std::find_if(shares_.begin(), shares_.end(), [&](const vm::Share& other) {
    return other.path == share.path && other.read_only == share.read_only &&
           other.transport == transport;
  });
  inside.source = known == shares_.end() ? share.tag : known->tag;
  if (known == shares_.end()) shares_.push_back(std::move(share));
  const bool plan9 = transport == vm::ShareTransport::plan9;
  inside.type = plan9 ? agent::MountType::plan9 : agent::MountType::virtiofs;
  if (plan9) inside.options = plan9_options;
  mounts_.push_back(std::move(inside));
}

void Attachments::add_to(vm::MachineConfig& machine) const {
  machine.disks.insert(machine.disks.end(), disks_.begin(), disks_.end());
  machine.shares.insert(machine.shares.end(), shares_.begin(), shares_.end());
}

void Attachments::set_network(const ContainerOptions& options, const Folder& folder,
                              const vm::MachineConfig& machine) {
  machine_id_ = machine_id_of(folder, options.keep);
  std::vector<agent::ConfiguredInterface> expected;
  const auto decided = options.backend->network_addresses(machine);
  for (std::size_t i = 0; i < machine.networks.size(); ++i) {
    const vm::Network& network = machine.networks[i];
    agent::InterfaceConfig wanted{.mac = network.mac, .mtu = network.mtu};
    if (agent::is_domain(options.hostname)) wanted.hostname = options.hostname;
    if (const auto& addresses = decided[i]) {
      wanted.address = addresses->address;
      wanted.prefix_length = addresses->prefix_length;
      wanted.gateway = addresses->gateway;
      dns_ = addresses->dns;
    }
    // Until a server has said, any address does.
    expected.push_back({.address = "0.0.0.0", .gateway = "0.0.0.0"});
    interfaces_.push_back(std::move(wanted));
  }
  name_mounts(options, std::move(expected));
}

std::vector<agent::Mount> Attachments::name_mounts(
    const ContainerOptions& options, std::vector<agent::ConfiguredInterface> interfaces) const {
  std::optional<agent::ConfiguredInterface> network;
  if (!interfaces.empty()) network = std::move(interfaces[0]);
  if (network && !dns_.empty()) network->dns = dns_;
  std::vector<agent::Mount> files =
      name_files(options.hostname, options.names, machine_id_, network);
  std::erase_if(files, [&](const agent::Mount& file) { return is_mounted(file.target, options); });
  return files;
}

}  // namespace vmkit::container
