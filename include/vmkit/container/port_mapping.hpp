// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <vmkit/agent/forward.hpp>

namespace vmkit::container {

/// A port of the container that can be reached on the host.
struct PortMapping {
  agent::Endpoint host;
  agent::Endpoint guest;
  agent::ForwardOptions options = {};
};

/// "80", "8080:80", "0.0.0.0:8080:80/tcp", "[::1]::53/udp" as docker run -p has them, except that
/// the host's address is 127.0.0.1 if none is given, and that there are no ranges. A port of the
/// host that is missing or 0 is picked. "/host/path:/guest/path" for unix sockets. Throws
/// invalid_argument.
PortMapping parse_port_mapping(std::string_view text);

}  // namespace vmkit::container
