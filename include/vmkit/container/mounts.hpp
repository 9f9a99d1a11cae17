// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/vm/config.hpp>

// What a container sees besides its own disk. Targets are absolute paths in the container, and made
// if they are missing. A tmpfs is an agent::Mount in Isolation::mounts.
namespace vmkit::container {

/// A folder or a single file of the host; the container sees nothing of what is beside it, and
/// neither does its machine.
///
/// A file is linked into the container's folder to be shared from there, so both must be on one
/// file system (else failed_precondition), and the system must allow the host program to make that
/// link (permission_denied). Container and host have the same file until one of them puts another
/// in its place, as many editors do.
struct HostMount {
  std::filesystem::path path;
  std::string target;
  bool read_only = false;  ///< Enforced by the host.
  /// automatic: what both the host and the container's kernel can do.
  vm::ShareTransport transport = vm::ShareTransport::automatic;
};

/// A volume of ContainerOptions::volumes_folder, which outlives the container. Made at its first
/// use. One that is empty is filled with what the image has at `target`, with its owner and
/// permissions.
struct VolumeMount {
  std::string volume;
  std::string target;
  bool read_only = false;  ///< Then other containers may have it too, all read-only.
  bool copy_image_content = true;
};

/// A raw disk, an image file or behind a server, with a file system that the container's kernel
/// knows.
struct DiskMount {
  std::filesystem::path path = {};
  std::string nbd = {};  ///< Instead of `path`: as vm::Disk::nbd.
  std::string target;
  bool read_only = false;
  std::string fs_type = "ext4";
};

/// What becomes of the paths that the image's configuration declares as Volumes and that nothing is
/// mounted at.
enum class ImageVolumes {
  automatic,  ///< on_disk, or anonymous where the root is read-only.
  on_disk,    ///< Folders on the container's own disk, gone with it.
  anonymous,  ///< A volume each, filled from the image, gone with the container.
};

}  // namespace vmkit::container
