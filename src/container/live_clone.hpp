// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include <vmkit/agent/client.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/disk/clone.hpp>

namespace vmkit::container {

/// Makes a clone, and takes it away again.
using MakeClone = std::function<disk::CloneMethod(const disk::CloneOptions&, const CallOptions&)>;
using UndoClone = std::function<void()>;

/// Has the disk of a running machine cloned while the guest has its file systems frozen. On an
/// error there is no clone; in any case the guest is thawed, by itself if it does not answer.
disk::CloneMethod clone_frozen(agent::Client& agent, const MakeClone& make, const UndoClone& undo,
                               disk::CloneMode mode, const CallOptions& options);

}  // namespace vmkit::container
