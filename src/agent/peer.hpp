// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "agent/json.hpp"
#include "agent/mux.hpp"
#include "agent/protocol.hpp"
#include "agent/rpc_client.hpp"

#include <vmkit/base/call_options.hpp>

namespace vmkit::agent {

/// What the subjects of a Client (files, forwards, …) need of its session. Outlives the Client: all
/// calls then throw unavailable. Thread-safe.
class Peer {
 public:
  virtual ~Peer() = default;

  /// A new stream whose header is on its way.
  virtual std::unique_ptr<MuxStream> open(protocol::StreamKind kind,
                                          const CallOptions& options) = 0;
  virtual RpcClient::CallPtr send(const std::string& method, Json params) = 0;
  /// The same of a request whose parameter `stream` is that stream. Throws unavailable if that
  /// one's session was lost: in another its number may be somebody else's.
  virtual RpcClient::CallPtr send(const std::string& method, Json params,
                                  const MuxStream& stream) = 0;
  virtual Json wait(RpcClient::Call& call, const CallOptions& options) = 0;

  Json call(const std::string& method, Json params, const CallOptions& options) {
    options.check("guest agent, " + method);
    return wait(*send(method, std::move(params)), options);
  }
};

}  // namespace vmkit::agent
