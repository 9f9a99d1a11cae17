// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "agent/json.hpp"
#include "agent/message.hpp"
#include "agent/mux.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/result.hpp>

namespace vmkit::agent {

/// The asking end of JSON-RPC 2.0 on the first stream of a Mux; when that is lost, of the next one.
/// Thread-safe.
///
/// Requests are numbered, and the agent tells how far it got: each is executed once, and each
/// answer and event arrives once, however often the session is lost between. Requests that wait
/// for a session are sent when there is one.
///
/// The agent is not trusted: an answer to nothing, a second answer or anything that is no answer
/// ends the session. An error answer becomes Error with the Errc that fits its code, and its errno.
class RpcClient : public std::enable_shared_from_this<RpcClient> {
 public:
  /// Puts into `params` what belongs to one session only, such as the numbers of streams, each
  /// time that the request is sent. Must not block.
  using Bind = std::function<void(Json& params, Mux& mux)>;
  /// Told the answer in the reading thread; must not block.
  using Done = std::function<void(const Result<Json>&)>;

  /// How a request is sent.
  struct Sending {
    Bind bind = {};
    Done done = {};
    /// Its answer is of no use to another session: the call ends with unavailable when this one is
    /// lost, whether it was executed or not.
    bool this_session_only = false;
    /// If given, it names this one, and perhaps others of its session: another session is as none.
    /// Looked at by send() only.
    const MuxStream* stream = nullptr;
  };

  /// A request under way.
  class Call {
   private:
    friend class RpcClient;
    std::string method;
    Json params;       // until it is known to have arrived
    std::string text;  // the same, if nothing is to be bound
    Sending sending;
    std::condition_variable changed;
    std::optional<Result<Json>> result;
  };
  using CallPtr = std::shared_ptr<Call>;

  /// `on_event` is given the params of each event notification, in the reading thread.
  static std::shared_ptr<RpcClient> create(std::function<void(const Json&)> on_event);

  /// Greets the agent over `mux` as the client of that name and waits for its answer, which is
  /// returned. If it knows the name, what was not done before is sent now; if it should and does
  /// not, failed_precondition is thrown.
  Json connect(const std::shared_ptr<Mux>& mux, const std::string& client,
               const CallOptions& options);
  /// The session is lost; there may be another.
  void disconnect(const Error& error);
  /// There will be none: all calls end with this error, now and later.
  void lose(const Error& error);

  /// Sends a request, now or when there is a session, and does not wait.
  CallPtr send(const std::string& method, Json params, Sending sending);
  CallPtr send(const std::string& method, Json params) {
    return send(method, std::move(params), Sending{});
  }
  /// Waits for the answer; may be called again after cancelled or timeout.
  Json wait(Call& call, const CallOptions& options);
  /// send() and wait() in one.
  Json call(const std::string& method, Json params, const CallOptions& options);
  /// The same with `sending`, whose functions do not run any more when this has returned.
  Json call_bound(const std::string& method, Json params, Sending sending,
                  const CallOptions& options);
  /// Nobody will wait for this one any more: if it succeeds, `late` runs with the result, in the
  /// reading thread or at once; it must not block.
  void abandon(const CallPtr& call, std::function<void(const Json&)> late);

 private:
  using Number = std::uint64_t;

  explicit RpcClient(std::function<void(const Json&)> on_event) : on_event_(std::move(on_event)) {}
  void take_input(std::uint64_t session, std::span<const std::byte> data);
  void take_message(std::uint64_t session, const Json& message);
  void take_answer(const Json& message);
  void count_message();
  void post(Number number, Call& call);
  void resume(const Json& greeting);
  void finish(const CallPtr& call, Result<Json> result);

  const std::function<void(const Json&)> on_event_;
  MessageDecoder decoder_;  // used by the reading thread of the session only
  std::mutex mutex_;        // guards what follows, and the calls
  std::unique_ptr<MuxStream> stream_;
  std::shared_ptr<Mux> mux_;  // null until the agent has greeted back
  CallPtr greeting_;
  std::uint64_t session_ = 0;
  bool greeted_ = false;
  Number next_number_ = 1;
  std::map<Number, CallPtr> pending_;
  std::set<Number> given_up_;       // an answer to them may still come
  std::uint64_t received_ = 0;      // messages that count
  std::uint64_t acknowledged_ = 0;  // as far as the agent was told
  std::optional<Error> lost_;
};

}  // namespace vmkit::agent
