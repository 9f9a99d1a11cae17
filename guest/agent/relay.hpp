// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "fd.hpp"
#include "poll_set.hpp"
#include "session.hpp"

namespace vmkit::guest {

/// Passes bytes between a stream of the client and a descriptor of ours that does not block: a
/// socket both ways, or one end of a pipe. Each direction ends for itself, as the other end's does.
/// Owns the stream, as one that was claimed or opened, and the descriptor.
class Relay {
 public:
  enum class Kind {
    socket,
    pipe_to_client,    ///< `fd` is read.
    pipe_from_client,  ///< `fd` is written.
  };

  Relay(Session& session, agent::yamux::StreamId stream, Fd fd, Kind kind);

  /// Adds what it waits for; `when` is called with what has happened and must call ready().
  void watch(PollSet& set, Session& session, PollSet::Handler when);
  void ready(Session& session, short revents);
  /// The stream has news.
  void take_input(Session& session);
  /// There is room for output to the client. True if something was written.
  bool give_output(Session& session);
  /// Both directions have ended, or one has failed: stream and descriptor are closed.
  bool over() const { return !fd_; }
  /// Ends both at once, so that each end sees that it was cut off.
  void abort(Session* session);

 private:
  void to_client(Session& session);
  void from_client(Session& session);
  void close_reading(Session& session);
  void close_writing(Session& session);
  void close_if_over(Session& session);

  agent::yamux::StreamId stream_;
  Fd fd_;
  Kind kind_;
  bool reading_;           // of fd_, to the client
  bool writing_;           // of fd_, from the client
  bool readable_ = false;  // as far as is known
};

}  // namespace vmkit::guest
