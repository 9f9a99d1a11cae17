// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <vmkit/container/image_overrides.hpp>
#include <vmkit/container/options.hpp>

namespace CLI {
class App;
}

namespace cli {

/// What `vmkit run` is told of the container's border and limits, as `docker run` is.
struct IsolationOptions {
  std::optional<std::string> entrypoint;
  std::string hostname;  // empty: a random one
  std::vector<std::string> groups;
  bool privileged = false;
  std::vector<std::string> add_capabilities;
  std::vector<std::string> drop_capabilities;
  std::vector<std::string> security;  // seccomp=FILE, seccomp=unconfined, no-new-privileges
  std::vector<std::string> ulimits;   // NAME=SOFT[:HARD]
  std::vector<std::string> sysctls;   // NAME=VALUE
  std::vector<std::string> tmpfs;     // PATH[:size=SIZE,mode=MODE,ro,exec]
  bool read_only = false;
  bool init = true;
  std::string overlay;  // size of the writable layer in memory; empty: the disk is written
  std::vector<std::string> storage;  // size=SIZE: of the writable layer on a disk
  std::string memory_limit;          // empty: none
  double cpu_limit = 0;              // 0: none
  std::uint64_t pids_limit = 0;
};

void add_isolation(CLI::App* command, IsolationOptions& options);

/// Throws invalid_argument, naming the option.
vmkit::container::Isolation isolation_of(const IsolationOptions& options);
vmkit::container::ImageOverrides overrides_of(const IsolationOptions& options);

}  // namespace cli
