// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/message.hpp"
#include "agent/protocol.hpp"
#include "agent/yamux/engine.hpp"

namespace vmkit::guest {

/// What one connected client has: the multiplexer, the RPC stream and the streams that it opened.
class Session {
 public:
  Session();

  agent::yamux::Engine& mux() { return mux_; }

  /// Takes bytes of the client. Throws Error if they break the protocol.
  void receive(std::span<const std::byte> input);
  /// The same of bytes that were put into room_for_payload() of the multiplexer.
  void received(std::size_t count);

  /// The next request, if one is complete.
  std::optional<std::string> next_request();
  /// Queues an answer.
  void send(const std::string& message);
  /// Moves queued answers into the multiplexer, as far as its windows allow.
  void pump_answers();
  bool answers_pending() const { return answers_sent_ < answers_.size(); }
  /// The client has said good-bye: it wants no more.
  bool ended() const { return ended_; }
  /// It has left, and not found a fault.
  bool for_good() const { return for_good_; }

  /// The claimed streams with news from the last receive(): data, an end, a reset, a window.
  const std::vector<agent::yamux::StreamId>& changed() const { return changed_; }

  /// True once for each stream that the client opened for `kind`; then it is the caller's.
  bool claim(agent::protocol::StreamKind kind, agent::yamux::StreamId id);
  /// Opens a stream to the client, which gets the header; it is the caller's as a claimed one is.
  /// Throws Error resource_exhausted or unavailable.
  agent::yamux::StreamId open(agent::protocol::StreamKind kind);
  /// Ends a claimed stream after all that was written to it: the client still reads that.
  void finish(agent::yamux::StreamId id);
  /// Ends a claimed stream at once.
  void release(agent::yamux::StreamId id);

 private:
  enum class StreamState { header, unclaimed, claimed, finished };
  struct Opened {
    StreamState state = StreamState::header;
    agent::protocol::StreamKind kind{};
  };
  void take_news();
  void accept_streams();
  void read_header(agent::yamux::StreamId id, Opened& stream);
  void on_change(agent::yamux::StreamId id, Opened& stream);
  void drain_finished(agent::yamux::StreamId id);

  agent::yamux::Engine mux_;
  agent::yamux::StreamId rpc_ = 0;
  agent::MessageDecoder decoder_;
  std::string answers_;
  std::size_t answers_sent_ = 0;
  bool ended_ = false;
  bool for_good_ = false;
  std::unordered_map<agent::yamux::StreamId, Opened> streams_;
  std::vector<agent::yamux::StreamId> changed_;
};

}  // namespace vmkit::guest
