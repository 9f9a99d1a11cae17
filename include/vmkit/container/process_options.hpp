// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/agent/isolation.hpp>
#include <vmkit/agent/process.hpp>

namespace vmkit::container {

/// A process to start; what is not given is the image's.
struct ProcessOptions {
  /// The program and its arguments. Empty: the image's Entrypoint and Cmd.
  std::vector<std::string> args = {};
  std::vector<std::string> env = {};  ///< "NAME=value": added to the image's, or in their place.
  std::optional<std::string> working_directory = {};
  std::optional<std::string> user = {};  ///< "user", "uid", "user:group", "uid:gid".
  std::vector<std::string> groups = {};  ///< Supplementary ones besides the image's.
  std::uint32_t umask = 022;
  std::vector<agent::Rlimit> rlimits = {};  ///< In place of the container's of the same name.
  /// All capabilities and no filter of system calls, whatever the container has.
  bool privileged = false;
  std::optional<agent::Capabilities> capabilities = {};  ///< In place of the container's.
  std::optional<bool> no_new_privileges = {};
  std::optional<int> oom_score_adj = {};
  agent::Stdio stdin_mode = agent::Stdio::null;
  agent::Stdio stdout_mode = agent::Stdio::pipe;
  agent::Stdio stderr_mode = agent::Stdio::pipe;
  /// Run it on a terminal of this size; TERM is "xterm" unless `env` or the image say otherwise.
  std::optional<agent::TerminalSize> terminal = {};
  agent::OutputOptions kept_output = {};
};

}  // namespace vmkit::container
