// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <sys/types.h>
#include <vector>

#include "fd.hpp"
#include "rpc_error.hpp"

namespace vmkit::guest {

struct SpawnRequest {
  std::vector<std::string> args;
  std::vector<std::string> env;  ///< "NAME=value"
  std::string working_directory = "/";
  std::string user;            ///< empty: as the agent
  bool terminal = false;       ///< standard input is one, and is to control the process
  const char* root = nullptr;  ///< null: no chroot
};

struct Spawned {
  pid_t pid;
  /// Ends when the program runs; before that an encoded failure comes through it.
  Fd result;
};

/// Starts a process with the given descriptors as its standard input, output and error. Throws
/// RpcError if there cannot be a new process; what fails in it is told by `result`.
Spawned spawn(const SpawnRequest& request, const std::array<int, 3>& stdio);

/// What came through Spawned::result, as the error it stands for.
RpcError decode_spawn_failure(const std::string& encoded);

}  // namespace vmkit::guest
