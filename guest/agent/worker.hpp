// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "agent/json.hpp"
#include "fd.hpp"
#include "rpc_error.hpp"

namespace vmkit::guest {

/// A child of the agent that does what may block: work on file systems, mostly.
struct Worker {
  pid_t pid = 0;
  Fd result;  ///< Ours, not blocking; closed by the child when it is done.
};

/// Runs `body` in a child that has no descriptors of ours but those given, which it gets under the
/// numbers that `body` is called with, in the same order. What it returns or throws (RpcError,
/// Error) comes back through `result`. Throws RpcError.
Worker start_worker(const std::vector<int>& descriptors,
                    const std::function<agent::Json(const std::vector<int>&)>& body);

/// Takes what a worker has written until now into `text`; true at its end. `passed` is set if the
/// worker has sent a descriptor.
bool read_result(const Worker& worker, std::string& text, Fd& passed);

/// What the worker's body returned; throws RpcError for what it threw, or if it died.
agent::Json worker_result(const std::string& text);

/// In a worker: gives the agent a descriptor, together with the result. Once.
void pass_descriptor(int fd);

}  // namespace vmkit::guest
