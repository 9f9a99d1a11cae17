// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/agent/container_spec.hpp>
#include <vmkit/agent/isolation.hpp>
#include <vmkit/base/byte_size.hpp>

namespace vmkit::container {

/// What the processes of a container may do within their machine. The defaults are Docker's. The
/// machine is a border of its own: this one is for programs that expect it, and for those who want
/// two.
struct Isolation {
  /// All capabilities and devices, nothing hidden or read-only, no filter of system calls; what is
  /// said below of those does not count then.
  bool privileged = false;
  /// Of root, and the bounding set of all; see agent::Capabilities.
  std::vector<std::string> capabilities = agent::default_capabilities();
  bool no_new_privileges = false;
  /// The filter of system calls as an OCI or Docker profile in JSON; without a value the default of
  /// agent::default_seccomp_filter(), "" for none.
  std::optional<std::string> seccomp_profile = {};

  /// PID 1 of the container reaps orphans and passes signals on.
  bool init = true;
  bool read_only_root = false;
  /// Puts what the container changes there: its disk is the unpacked image itself, which is neither
  /// cloned nor changed.
  std::optional<agent::WritableLayer> writable_layer = {};
  /// The same with a disk of so much in the container's folder, which is kept with it; of
  /// `writable_layer` nothing counts then.
  std::optional<ByteSize> writable_disk = {};
  std::vector<agent::Mount> mounts = {};
  std::vector<agent::Device> devices = {};
  std::map<std::string, std::string> sysctls = {};
  std::vector<std::string> masked_paths = agent::default_masked_paths();
  std::vector<std::string> readonly_paths = agent::default_readonly_paths();
  agent::ResourceLimits limits = {};
  /// Of all processes, if they have none of their own.
  std::vector<agent::Rlimit> rlimits = {};
};

}  // namespace vmkit::container
