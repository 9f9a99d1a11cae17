// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace vmkit::agent {

/// The name of the virtio console port at which the agent waits for the host: every machine with an
/// agent needs one of this name, and Client::connect takes its stream.
inline constexpr std::string_view port_name = "vmkit.ctl";

}  // namespace vmkit::agent
