// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <unordered_map>

#include "service.hpp"

namespace vmkit::guest {

enum class StdioKind : std::uint8_t { input, output, error };

/// The streams of the session that are processes' standard streams, and whose each is.
class StreamTable {
 public:
  struct Owner {
    std::uint64_t process;
    StdioKind kind;
  };

  explicit StreamTable(Client& client) : client_(client) {}

  /// There must be a session.
  Session& session() { return *client_.session(); }
  agent::yamux::Engine& mux() { return session().mux(); }

  /// Takes a stream that the client opened; throws RpcError if it did not, or it is in use.
  void claim(agent::yamux::StreamId stream, Owner owner);
  /// Ends a stream after all that was written to it, or at once.
  void finish(agent::yamux::StreamId stream);
  void release(agent::yamux::StreamId stream);
  /// Null if it is no process's, or was given back.
  const Owner* owner(agent::yamux::StreamId stream) const;
  /// The session goes, and all streams with it.
  void clear() { owners_.clear(); }

 private:
  Client& client_;
  std::unordered_map<agent::yamux::StreamId, Owner> owners_;
};

}  // namespace vmkit::guest
