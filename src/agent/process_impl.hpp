// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "agent/rpc_client.hpp"

#include <vmkit/agent/process.hpp>

namespace vmkit::agent {

class Process::Impl {
 public:
  std::shared_ptr<RpcClient> rpc;
  std::uint64_t handle = 0;
  std::int64_t pid = 0;
  /// Sent when the process was started, so that its end is known as soon as it comes.
  RpcClient::CallPtr exit;
  std::unique_ptr<ProcessInput> input;
  std::unique_ptr<ProcessOutput> output;
  std::unique_ptr<ProcessOutput> error;
};

}  // namespace vmkit::agent
