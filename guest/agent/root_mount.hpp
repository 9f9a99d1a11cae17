// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vmkit::guest {

/// Where the container's root is mounted.
inline constexpr const char* root_path = "/newroot";

struct RootMount {
  std::string serial;  ///< of the virtio block device
  std::string fs_type;
  bool read_only = false;
};

/// Mounts the root and, within it, what the OCI runtime specification has every Linux container
/// see: /proc, /sys, /dev with its devices, /dev/pts, /dev/shm, /dev/mqueue. Throws RpcError, and
/// then nothing stays mounted.
void mount_root(const RootMount& root);

void unmount_root();

}  // namespace vmkit::guest
