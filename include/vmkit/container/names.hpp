// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vmkit::container {

/// A line for /etc/hosts.
struct ExtraHost {
  std::string name;
  /// An address, or "host-gateway": where the container reaches its host.
  std::string address;
};

/// How a container names itself and others, and where it is. As with Docker, /etc/hostname and
/// /etc/hosts, and with a network /etc/resolv.conf, are files in memory over those of the image:
/// the container may change them, and they are not on its disk.
struct Names {
  std::string domain = {};  ///< Makes the host name "hostname.domain" in /etc/hosts.
  std::vector<ExtraHost> extra_hosts = {};
  /// Servers for /etc/resolv.conf; empty: those of the machine's network.
  std::vector<std::string> dns = {};
  /// Empty: `domain`, if there is one, else those of the machine's network.
  std::vector<std::string> dns_search = {};
  std::vector<std::string> dns_options = {};  ///< As "ndots:2".
  /// "Europe/Berlin", looked up among the host's, or "host" for the host's own: TZ for all
  /// processes that have none of their own, as a rule that needs no zone files in the image.
  std::optional<std::string> timezone = {};
  /// What /etc/machine-id says, in memory too: 32 lower-case hexadecimal digits, or "image" to
  /// leave there what the image has. Without a value the container's own, random, which one that is
  /// kept keeps.
  std::optional<std::string> machine_id = {};
};

}  // namespace vmkit::container
