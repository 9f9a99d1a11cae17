// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fd.hpp"
#include "output_ring.hpp"
#include "stream_table.hpp"

namespace vmkit::guest {

/// Names a reader or writer of a standard stream over all sessions of its client.
struct EndName {
  std::uint64_t client = 0;
  std::uint64_t number = 0;

  friend bool operator==(const EndName&, const EndName&) = default;
};

/// Where reading begins and ends.
struct ReadFrom {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> tail;  ///< so many bytes before the end, instead of `offset`
  bool follow = true;                 ///< what is still to come, too
};

/// What a process writes to standard output or error: our end of the pipe or terminal, the ring
/// that keeps the last of it, and the client's streams that it is read through.
///
/// While it has readers the process is held back rather than a byte lost that one of them has not
/// told to have; a reader that has lost its session counts until its client is forgotten. Without
/// readers the oldest bytes go.
class Output {
 public:
  /// `keep`: what all readers have is not dropped until its room is needed.
  void open(Fd fd, std::size_t ring_bytes, bool keep);

  /// Something may still be written.
  bool is_open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }
  const OutputRing& ring() const { return ring_; }
  bool has_readers() const { return !readers_.empty(); }

  /// There is room for what the process writes.
  bool wants_data() const { return fd_ && ring_.end() - floor() < ring_.capacity(); }
  /// Takes what the process has written, or its end.
  void fill();

  /// Returns the offset of the first byte that the stream will bring. Throws RpcError if there
  /// never were so many bytes.
  std::uint64_t attach(StreamTable& streams, const EndName& name, agent::yamux::StreamId stream,
                       const ReadFrom& from);
  /// Something has come on that stream, which is one of ours.
  void take_news(StreamTable& streams, agent::yamux::StreamId stream);
  /// Gives each reader one more frame; true if there is more that could go now.
  bool send(StreamTable& streams);

  /// Nobody wants more: whoever writes gets SIGPIPE. `streams` is null without a session.
  void close(StreamTable* streams);
  void end_session();
  void forget_client(std::uint64_t client);
  /// The client has taken up all streams that it wants, but for those of `expected` readers.
  void forget_lost(std::uint64_t client, const std::vector<std::uint64_t>& expected);
  /// Gives up what was read and kept.
  void drop();

 private:
  struct Reader {
    EndName name;
    agent::yamux::StreamId stream = 0;  // 0: its session was lost
    std::uint64_t begin = 0;            // the offset of the stream's first byte
    std::uint64_t sent = 0;
    std::uint64_t has = 0;  // up to there the client has told to have it
    std::optional<std::uint64_t> until;
    bool finished = false;
  };

  std::uint64_t floor() const;
  void trim();
  bool send(StreamTable& streams, Reader& reader);

  Fd fd_;
  OutputRing ring_{0};
  bool keep_ = false;
  std::size_t next_read_ = 4096;
  std::vector<Reader> readers_;
};

}  // namespace vmkit::guest
