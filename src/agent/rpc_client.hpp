// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "agent/json.hpp"
#include "agent/message.hpp"
#include "agent/mux.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/result.hpp>

namespace vmkit::agent {

/// The asking end of JSON-RPC 2.0 on the first stream of a Mux. Thread-safe.
///
/// The agent is not trusted: an answer to nothing, a second answer or anything that is no answer
/// ends the session. An error answer becomes Error with the Errc that fits its code, and its errno.
class RpcClient : public std::enable_shared_from_this<RpcClient> {
 public:
  /// A request under way.
  class Call {
   private:
    friend class RpcClient;
    std::string method;
    std::condition_variable changed;
    std::optional<Result<Json>> result;
    std::function<void(const Json&)> late;
  };
  using CallPtr = std::shared_ptr<Call>;

  /// Opens the stream. The object may outlive `mux`: every call then fails as the session did.
  /// `on_event` is given the params of each event notification, in the reading thread.
  static std::shared_ptr<RpcClient> start(Mux& mux, std::function<void(const Json&)> on_event);

  /// Sends a request and does not wait.
  CallPtr send(const std::string& method, Json params);
  /// Waits for the answer; may be called again after cancelled or timeout.
  Json wait(Call& call, const CallOptions& options);
  /// send() and wait() in one.
  Json call(const std::string& method, Json params, const CallOptions& options);
  /// Nobody will wait for this one any more: if it succeeds, `late` runs with the result, in the
  /// reading thread or at once; it must not block.
  void abandon(const CallPtr& call, std::function<void(const Json&)> late);

 private:
  RpcClient() = default;
  void take_input(std::span<const std::byte> data);
  void take_message(const Json& message);
  void take_answer(const Json& message);
  void lose(const Error& error);

  std::unique_ptr<MuxStream> stream_;
  std::function<void(const Json&)> on_event_;
  MessageDecoder decoder_;  // used by the reading thread only
  std::mutex mutex_;        // guards what follows, and the calls
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, CallPtr> pending_;
  std::optional<Error> lost_;
};

}  // namespace vmkit::agent
