// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <vmkit/agent/mount.hpp>
#include <vmkit/agent/network.hpp>
#include <vmkit/container/names.hpp>

namespace vmkit::container {

/// /etc/hostname, /etc/hosts, /etc/machine-id unless it is to be the image's and, with a network,
/// /etc/resolv.conf. Throws invalid_argument.
std::vector<agent::Mount> name_files(const std::string& hostname, const Names& names,
                                     const std::string& own_machine_id,
                                     const std::optional<agent::ConfiguredInterface>& network);

/// TZ for a time zone of the host, as POSIX writes it: "CET-1CEST,M3.5.0,M10.5.0/3". Throws
/// invalid_argument for what is no name of a zone, not_found if the host does not know it.
std::string timezone_rule(const std::string& name);

/// The rule at the end of a compiled time zone (RFC 8536); nothing if there is none.
std::optional<std::string> rule_in_zone_file(const std::string& bytes);

}  // namespace vmkit::container
