// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "container_spec.hpp"

namespace vmkit::guest {

/// Where the container's root is mounted in the agent's own mount namespace; the container's
/// namespace is made from a copy of this one.
inline constexpr const char* root_path = "/newroot";

/// Mounts the root's disk, or an overlay on it. Throws RpcError.
void mount_root(const ContainerSpec& spec);

/// Mounts a disk or a share and returns where. The same source again is not mounted again. Throws
/// RpcError.
std::string mount_source(const Source& source);

/// Makes a file with this content in memory, and returns the folder that it is in. Throws RpcError.
std::string make_file_source(const std::string& name, const std::string& content);

/// The block device with this serial number, "/dev/vda"; waits up to 2 seconds for it. Throws
/// RpcError no_such_device.
std::string find_disk(const std::string& serial);

/// Where disks are mounted for writing.
const std::vector<std::string>& writable_disks();
/// Thaws those of them that are frozen.
void thaw_disks();

/// Unmounts all of that. The file systems are clean on their disks when this returns, whoever still
/// uses them.
void unmount_storage();

}  // namespace vmkit::guest
