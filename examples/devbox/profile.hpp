// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmkit/container/port_mapping.hpp>

namespace devbox {

/// A program that runs as long as the box is up.
struct Service {
  std::vector<std::string> command;
  std::string user = "root";
};

/// What happens when a box comes up, as a YAML file says it:
///
///     services:
///       - command: [/usr/sbin/sshd, -D]
///       - command: [jupyter, notebook]
///         user: dev
///     proxies:
///       - listen: 127.0.0.1:2222     # or a port, or the path of a unix socket
///         target: 22
struct Profile {
  std::vector<Service> services;
  std::vector<vmkit::container::PortMapping> proxies;
};

/// Throws Error: not_found (the file), invalid_argument with the line.
Profile read_profile(const std::filesystem::path& file);

}  // namespace devbox
