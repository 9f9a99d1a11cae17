// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "capabilities.hpp"
#include "container.hpp"
#include "fd.hpp"
#include "rpc_error.hpp"

namespace vmkit::guest {

struct SpawnRequest {
  std::vector<std::string> args;
  std::vector<std::string> env;  ///< "NAME=value"
  std::string working_directory = "/";
  bool terminal = false;            ///< standard input is one, and is to control the process
  std::string user;                 ///< empty: as the agent
  std::vector<std::string> groups;  ///< supplementary, besides the user's own
  mode_t umask = 022;
  std::vector<std::pair<int, rlimit>> rlimits;
  std::optional<CapabilitySets> capabilities;  ///< nothing: as they come with the user
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  SeccompProgram seccomp;
  Container* container = nullptr;  ///< null: the process runs where the agent does
};

/// Reads what "spawn" says of the process itself; where the container has a say, `container` (or
/// null). Throws RpcError invalid_params or not_supported, or Json::exception.
SpawnRequest parse_spawn_request(const agent::Json& params, Container* container);

struct Spawned {
  pid_t pid;
  /// Ends when the program runs; before that an encoded failure comes through it.
  Fd result;
};

/// Starts a process with the given descriptors as its standard input, output and error. Throws
/// RpcError if there cannot be a new process; what fails in it is told by `result`, to be read with
/// decode_failure().
Spawned spawn(const SpawnRequest& request, const std::array<int, 3>& stdio);

}  // namespace vmkit::guest
