// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/json.hpp"

namespace vmkit::guest {

/// A file system in the agent's own mount namespace.
struct Source {
  std::string type;  ///< disk, virtiofs, 9p
  std::string name;  ///< serial or tag
  std::string fs_type;
  std::string options;
  bool read_only = false;
};

struct MountSpec {
  std::string type;    ///< disk, virtiofs, 9p, tmpfs, bind, file
  std::string source;  ///< of a file: its content
  std::string target;
  std::string subpath;
  std::string fs_type;
  std::string options;
  unsigned long flags = 0;  ///< of mount(2): MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC

  bool in_container() const { return type == "tmpfs" || type == "bind"; }
};

struct DeviceSpec {
  std::string path;
  bool block = false;
  unsigned major = 0;
  unsigned minor = 0;
  unsigned mode = 0666;
  unsigned uid = 0;
  unsigned gid = 0;
};

struct LayerSpec {
  std::string serial;  ///< empty: a tmpfs
  std::string fs_type;
  std::uint64_t size = 0;  ///< of the tmpfs; 0: half of the memory
};

using SeccompProgram = std::vector<sock_filter>;

/// What create_container is asked to make; docs/formats/agent-protocol.md.
struct ContainerSpec {
  Source root;
  std::optional<LayerSpec> writable_layer;
  bool read_only_root = false;
  std::string hostname;
  bool init = true;
  bool writable_sys = false;
  bool all_devices = false;
  std::vector<MountSpec> mounts;  ///< in the order of their depth
  std::vector<DeviceSpec> devices;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::map<std::string, std::string> sysctls;
  agent::Json limits = agent::Json::object();
  SeccompProgram seccomp;
};

/// Throws RpcError invalid_params or Json::exception.
ContainerSpec parse_container_spec(const agent::Json& params);

/// A filter in hexadecimal; empty for "".
SeccompProgram parse_seccomp(const std::string& hex);

}  // namespace vmkit::guest
