// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "fd.hpp"
#include "output.hpp"
#include "stream_table.hpp"

namespace vmkit::guest {

/// What a process reads from standard input: our end of the pipe or terminal, and the client's
/// stream that it comes from. It stays open while no client is there.
class Input {
 public:
  void open(Fd fd, bool terminal);

  bool is_open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }
  /// How many bytes the pipe has taken: where a client that comes back goes on.
  std::uint64_t taken() const { return taken_; }

  /// Takes the place of an earlier writer, which is reset.
  void attach(StreamTable& streams, agent::yamux::StreamId stream);
  /// Something waits to be written. `streams` is null without a session.
  bool has_data(StreamTable* streams) const;
  /// Writes what there is, as far as the pipe takes it.
  void pump(StreamTable& streams);
  /// Nobody reads any more: the client must not go on writing.
  void close(StreamTable* streams);
  void end_session() { stream_ = 0; }

 private:
  void end();

  Fd fd_;
  bool terminal_ = false;
  agent::yamux::StreamId stream_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace vmkit::guest
