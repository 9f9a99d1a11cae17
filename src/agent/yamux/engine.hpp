// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "agent/yamux/byte_queue.hpp"
#include "agent/yamux/frame.hpp"
#include "agent/yamux/output_buffer.hpp"

namespace vmkit::agent::yamux {

/// Who dialled: decides which stream ids each end gives.
enum class Role { client, server };

struct Limits {
  /// What a stream may hold unread, in bytes; at least initial_window.
  std::uint32_t receive_window = initial_window;
  /// Streams at a time, of both ends.
  std::size_t max_streams = 1024;
  /// Streams that the peer may open; 0 refuses them all.
  std::size_t max_accepted = 1024;
  /// Data of a frame that is not complete yet is news (take_changed()) when so much is unread, in
  /// bytes: who is told later wakes less often.
  std::size_t plenty_to_read = 1;
  /// Data is added to the output while it is shorter than this, in bytes.
  std::size_t output_target = 256 * 1024;
  /// A peer that makes us answer (pings, refused streams) without reading the answers is dropped
  /// when the output is longer than this, in bytes.
  std::size_t output_limit = 1024 * 1024;
};

/// One end of a yamux session without any input or output of its own: bytes from the peer go into
/// receive(), bytes for the peer are taken from take_output(). The host wraps it in threads
/// (agent::Mux), the guest in a poll loop; both get the same rules.
///
/// The peer is hostile: each stream holds at most receive_window unread bytes, there are at most
/// max_streams of them, and an illegal frame throws data_corruption, with a go-away frame left in
/// the output; after that the engine is of no use. Frames for a stream that was open once are
/// dropped, because they may have crossed with our end of it.
///
/// Functions that take a stream's id need one of a stream that is open and not yet released.
/// Confined to one thread at a time.
class Engine {
 public:
  Engine(Role role, Limits limits);

  /// Takes what the peer sent, in any portions.
  void receive(std::span<const std::byte> input);
  /// Where what the peer sends next may be put without a copy: room for data of the frame that is
  /// being received, no more than is left of it. Empty if there is none; then, and always, it can
  /// go through receive(). received() must follow before any other call, with how many bytes were
  /// put.
  std::span<std::byte> room_for_payload();
  void received(std::size_t count);

  /// There is room for data in the output.
  bool has_room() const { return output_.size() < limits_.output_target; }
  bool has_output() const { return !output_.empty(); }
  std::size_t output_size() const { return output_.size(); }
  /// Swaps the bytes for the peer into `into`, whose own contents go; its memory is used again.
  void take_output(OutputBuffer& into);

  /// Opens a stream that begins with `header`, some bytes, which are sent before all that follows
  /// on any stream, however much waits. Throws resource_exhausted at the limit and unavailable
  /// after a go-away.
  StreamId open(std::span<const std::byte> header = {});
  /// The next stream that the peer opened. It is acknowledged here.
  std::optional<StreamId> accept();
  /// Changes how many streams the peer may have open; those that it has stay.
  void limit_accepted(std::size_t most) { limits_.max_accepted = most; }
  bool contains(StreamId id) const { return streams_.contains(id); }
  std::size_t stream_count() const { return streams_.size(); }

  /// What is there to read now, as far as it lies in one piece.
  std::span<const std::byte> readable(StreamId id) const;
  /// Frees `count` bytes of readable(), so that the peer may send more.
  void consume(StreamId id, std::size_t count);
  /// Tells the peer what was consumed after so many bytes already, not only after half of the
  /// window: for a peer that keeps what it has sent until then, and cannot keep much.
  void report_every(StreamId id, std::uint32_t bytes);
  /// All was read, and the peer will not write more.
  bool at_end(StreamId id) const;
  bool reset_by_peer(StreamId id) const;

  /// How many bytes prepare() may ask for now: 0 while the peer's window or our output is full.
  std::size_t writable(StreamId id) const;
  /// Room in the output for `size` bytes of data, to be filled in place; commit() must follow
  /// before any other call, with how many were filled (0 for none).
  std::span<std::byte> prepare(StreamId id, std::size_t size);
  void commit(std::size_t size);
  /// Copies as much of `data` as writable() allows; returns how much.
  std::size_t write(StreamId id, std::span<const std::byte> data);

  /// How many bytes the peer's window has room for, whatever our output has.
  std::uint32_t send_window(StreamId id) const { return at(id).send_window; }
  /// How many bytes of this stream the peer has told to have consumed.
  std::uint64_t acknowledged(StreamId id) const { return at(id).acknowledged; }

  /// Half-close: nothing more will be written. May be called again.
  void finish(StreamId id);
  /// The owner is done with the stream: resets it unless both ends have finished, and forgets it.
  void release(StreamId id);

  void ping(std::uint32_t value);
  /// The last answer to ping(), once.
  std::optional<std::uint32_t> take_pong();
  void go_away(GoAwayCode code);
  /// The peer's go-away, if it sent one.
  std::optional<std::uint32_t> peer_went_away() const { return peer_went_away_; }

  /// The streams with news (data, end, reset, window) since the last call, each once. A stream
  /// may have been released since.
  std::vector<StreamId> take_changed();

 private:
  struct Stream {
    ByteQueue unread;
    std::uint32_t receive_window = initial_window;  // what the peer may still send
    std::uint32_t consumed = 0;                     // read by the owner, not yet given back
    std::uint32_t report_every = 0;                 // 0: after half of the window
    std::uint32_t send_window = initial_window;
    std::uint64_t acknowledged = 0;
    bool finished = false;       // we sent FIN
    bool peer_finished = false;  // we got FIN
    bool reset = false;
    bool changed = false;
  };

  void on_header(const FrameHeader& header);
  void on_stream_frame(const FrameHeader& header);
  Stream* payload_stream();
  void on_payload(std::size_t count);
  Stream* accept_frame(const FrameHeader& header);
  bool was_open(StreamId id) const;
  bool is_ours(StreamId id) const { return id % 2 == own_parity_; }
  std::uint32_t report_after(const Stream& stream) const;
  Stream& at(StreamId id);
  const Stream& at(StreamId id) const;
  void mark_changed(StreamId id, Stream& stream);
  void emit(const FrameHeader& header);
  [[noreturn]] void fail(const char* what, StreamId id);

  Limits limits_;
  std::uint32_t own_parity_;
  std::uint64_t next_id_;
  StreamId highest_peer_id_ = 0;
  std::unordered_map<StreamId, Stream> streams_;
  std::deque<StreamId> to_accept_;
  std::size_t peer_streams_ = 0;
  std::vector<StreamId> changed_;
  OutputBuffer output_;

  std::array<std::byte, header_size> header_{};
  std::size_t header_filled_ = 0;
  FrameHeader frame_{};  // of the payload that is coming in
  std::uint32_t payload_left_ = 0;

  StreamId preparing_ = 0;
  std::size_t prepared_at_ = 0;

  std::optional<std::uint32_t> pong_;
  std::optional<std::uint32_t> peer_went_away_;
  bool sent_go_away_ = false;
};

}  // namespace vmkit::agent::yamux
