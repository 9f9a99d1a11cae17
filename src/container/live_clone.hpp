// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include <vmkit/agent/client.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/disk/clone.hpp>

namespace vmkit::container {

/// Clones the disk of a running machine while the guest has its file systems frozen. On an error
/// there is no clone; in any case the guest is thawed, by itself if it does not answer.
disk::CloneMethod clone_frozen(agent::Client& agent, const std::filesystem::path& source,
                               const std::filesystem::path& target, disk::CloneMode mode,
                               const CallOptions& options);

}  // namespace vmkit::container
