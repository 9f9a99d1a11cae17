// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/event_queue.hpp"
#include "agent/mux.hpp"
#include "agent/peer.hpp"
#include "agent/rpc_client.hpp"

#include <vmkit/agent/client.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/stop.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

/// Something that has streams, and goes on with others when they are lost. Called one at a time.
class Resumable {
 public:
  virtual ~Resumable() = default;
  /// There is another session. Must not block.
  virtual void resume(const std::shared_ptr<Mux>& mux) = 0;
  /// Adds the numbers of readers of processes that resume() will not take up yet.
  virtual void name_late_readers(std::vector<std::uint64_t>&) {}
  /// There will be no session any more.
  virtual void lose(const Error& error) noexcept = 0;
};

/// A client's way to its agent: the session, and the next one when that is lost and there is a
/// dialler. Whoever has requests or streams keeps it; only the owner, who calls shut_down(), has
/// its threads. Thread-safe.
class Link final : public Peer {
 public:
  /// Waits until the agent has answered the first greeting. Without a dialler `first` is the only
  /// transport; with one, `first` is null.
  static std::shared_ptr<Link> connect(std::unique_ptr<Stream> first, Dialler dialler,
                                       const ReconnectOptions& reconnect,
                                       const CallOptions& options);

  const std::shared_ptr<RpcClient>& rpc() const { return rpc_; }
  EventQueue& events() { return events_; }
  const Json& greeting() const { return greeting_; }

  /// The session; null while there is none. Throws what ended it for good.
  std::shared_ptr<Mux> mux() const;
  /// That one is the session, and not lost.
  bool has(const std::weak_ptr<Mux>& session) const;
  /// Waits until there is one. False if there will be none.
  bool wait_for_session(const CallOptions& options);
  std::optional<Error> failure() const;
  /// Told of each session from the next on; the object is not kept alive.
  void add(const std::weak_ptr<Resumable>& resumable);
  /// A number for what a client names itself.
  std::uint64_t next_number();

  // Peer: of the session that is there; what is lost with it ends with unavailable.
  std::unique_ptr<MuxStream> open(protocol::StreamKind kind, const CallOptions& options) override;
  RpcClient::CallPtr send(const std::string& method, Json params) override;
  RpcClient::CallPtr send(const std::string& method, Json params, const MuxStream& stream) override;
  Json wait(RpcClient::Call& call, const CallOptions& options) override;

  /// Ends the session; may be called again, and from any thread.
  void close() noexcept;
  /// The same, and waits for all threads. Not from one of them.
  void shut_down() noexcept;

 private:
  Link(Dialler dialler, const ReconnectOptions& reconnect);
  void establish(std::unique_ptr<Stream> transport, const CallOptions& options);
  void take_up(const std::shared_ptr<Mux>& mux, Json greeting);
  void dial(const CallOptions& options);
  void pace(const CallOptions& options);
  void on_session_failure(std::uint64_t session, const Error& error);
  void keep_up() noexcept;
  void lose(const Error& error) noexcept;
  std::vector<std::shared_ptr<Resumable>> resumables();

  const Dialler dialler_;
  const ReconnectOptions reconnect_;
  const std::string name_;
  EventQueue events_;
  std::shared_ptr<RpcClient> rpc_;
  Json greeting_;
  StopSource stop_;
  // Of pace(): which one thread at a time calls.
  std::chrono::steady_clock::time_point second_{};
  int sessions_in_second_ = 0;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::shared_ptr<Mux> mux_;
  std::uint64_t session_ = 0;
  std::optional<Error> session_failure_;
  std::optional<Error> failure_;
  std::vector<std::weak_ptr<Resumable>> resumables_;
  std::uint64_t next_number_ = 1;
  std::thread keeper_;  // only with a dialler
};

}  // namespace vmkit::agent
