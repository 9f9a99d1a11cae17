// SPDX-License-Identifier: Apache-2.0
// What the engine does with frames of the peer: every rule that the peer could break is here.
#include <limits>

#include "agent/yamux/engine.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent::yamux {

void Engine::on_header(const FrameHeader& header) {
  if (output_.size() > limits_.output_limit) {
    throw Error(Errc::resource_exhausted, "yamux: the peer sends but does not read our answers");
  }
  switch (header.type) {
    case FrameType::data:
    case FrameType::window_update:
      on_stream_frame(header);
      return;
    case FrameType::ping:
      if (header.flags == flag_syn) {
        emit({FrameType::ping, flag_ack, 0, header.length});
      } else if (header.flags == flag_ack) {
        pong_ = header.length;
      } else {
        fail("a ping that is neither question nor answer", 0);
      }
      return;
    case FrameType::go_away:
      peer_went_away_ = header.length;
      return;
  }
}

void Engine::on_stream_frame(const FrameHeader& header) {
  Stream* stream = accept_frame(header);
  if (header.type == FrameType::data) {
    if (stream != nullptr) {
      if (stream->peer_finished && header.length != 0) fail("data after its end", header.stream);
      if (header.length > stream->receive_window) fail("more data than its window", header.stream);
      stream->receive_window -= header.length;
    } else if (header.length > limits_.receive_window) {
      fail("more data than any window", header.stream);
    }
    frame_ = header;
    payload_left_ = header.length;
  } else if (stream != nullptr) {
    if (header.length > std::numeric_limits<std::uint32_t>::max() - stream->send_window) {
      fail("a window update beyond 2^32", header.stream);
    }
    stream->send_window += header.length;
    // With SYN or ACK it is what the window has beyond the initial one.
    if ((header.flags & (flag_syn | flag_ack)) == 0) stream->acknowledged += header.length;
    if (header.length != 0) mark_changed(header.stream, *stream);
  }
  if (stream == nullptr) return;
  if ((header.flags & flag_rst) != 0) {
    stream->reset = true;
    stream->unread.clear();
    mark_changed(header.stream, *stream);
  } else if ((header.flags & flag_fin) != 0) {
    if (stream->peer_finished) fail("ended twice", header.stream);
    stream->peer_finished = true;
    mark_changed(header.stream, *stream);
  }
}

// The stream that the frame is for, made if the frame opens it; null if the frame is to be dropped.
Engine::Stream* Engine::accept_frame(const FrameHeader& header) {
  const StreamId id = header.stream;
  const auto found = streams_.find(id);
  if ((header.flags & flag_syn) != 0) {
    if (is_ours(id)) fail("opened by the peer with an id of our side", id);
    if (found != streams_.end()) fail("opened twice", id);
    if (id > highest_peer_id_) highest_peer_id_ = id;
    if (streams_.size() >= limits_.max_streams || peer_streams_ >= limits_.max_accepted ||
        sent_go_away_) {
      emit({FrameType::window_update, flag_rst, id, 0});
      return nullptr;
    }
    ++peer_streams_;
    to_accept_.push_back(id);
    Stream& stream = streams_[id];
    mark_changed(id, stream);
    return &stream;
  }
  if (found == streams_.end()) {
    if (!was_open(id)) fail("a frame for a stream that was never opened", id);
    return nullptr;
  }
  if ((header.flags & flag_ack) != 0 && !is_ours(id)) {
    fail("acknowledged by the end that opened it", id);
  }
  return found->second.reset ? nullptr : &found->second;
}

bool Engine::was_open(StreamId id) const {
  return is_ours(id) ? id < next_id_ : id <= highest_peer_id_;
}

// Where the data of this frame goes; null if nobody wants it any more.
Engine::Stream* Engine::payload_stream() {
  const auto found = streams_.find(frame_.stream);
  return found == streams_.end() || found->second.reset ? nullptr : &found->second;
}

// What is left of a frame is on its way: a reader that is told at the end of it, or when there is
// plenty, wakes once and not for each portion that the transport brings.
void Engine::on_payload(std::size_t count) {
  payload_left_ -= static_cast<std::uint32_t>(count);
  const auto found = streams_.find(frame_.stream);
  if (found == streams_.end()) return;
  if (payload_left_ == 0 || found->second.unread.size() >= limits_.plenty_to_read) {
    mark_changed(frame_.stream, found->second);
  }
}

}  // namespace vmkit::agent::yamux
