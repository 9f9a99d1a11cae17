// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "container_spec.hpp"

namespace vmkit::guest {

/// Makes the new mount namespace of the calling process, a copy of the agent's, the container's:
/// its root becomes the namespace's root, with all that an OCI container has mounted in it.
/// `sources` are where the disks and shares of spec.mounts are, in their order; empty for others.
/// Without an init, the process is not yet in the container's pid namespace, and /proc is left to
/// mount_proc(). Throws RpcError.
void set_up_root(const ContainerSpec& spec, const std::vector<std::string>& sources);

/// Mounts /proc of the caller's pid namespace in the container, in place of an older one, and
/// hides and protects what the container is not to see or change. Throws RpcError.
void mount_proc(const ContainerSpec& spec);

}  // namespace vmkit::guest
