// SPDX-License-Identifier: Apache-2.0
#include "agent/yamux/engine.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include <vmkit/base/error.hpp>

namespace vmkit::agent::yamux {
namespace {

// Large enough that a header costs nothing, small enough that streams take turns often; with its
// header a whole number of what a virtio port takes at a time (32 KiB).
constexpr std::size_t max_data_frame = 128 * 1024 - header_size;

}  // namespace

Engine::Engine(Role role, Limits limits)
    : limits_(limits),
      own_parity_(role == Role::client ? 1 : 0),
      next_id_(role == Role::client ? 1 : 2) {
  limits_.receive_window = std::max(limits_.receive_window, initial_window);
}

void Engine::receive(std::span<const std::byte> input) {
  while (!input.empty()) {
    if (payload_left_ != 0) {
      const auto part = input.first(std::min<std::size_t>(input.size(), payload_left_));
      if (Stream* const stream = payload_stream()) stream->unread.append(part);
      on_payload(part.size());
      input = input.subspan(part.size());
      continue;
    }
    const std::size_t count = std::min(input.size(), header_size - header_filled_);
    std::memcpy(&header_[header_filled_], input.data(), count);
    header_filled_ += count;
    input = input.subspan(count);
    if (header_filled_ < header_size) return;
    header_filled_ = 0;
    try {
      on_header(decode(header_));
    } catch (const Error&) {
      go_away(GoAwayCode::protocol_error);
      throw;
    }
  }
}

std::span<std::byte> Engine::room_for_payload() {
  Stream* const stream = payload_left_ != 0 ? payload_stream() : nullptr;
  if (stream == nullptr) return {};
  // No more than an honest peer's frame: announced is not sent, and room costs memory.
  return stream->unread.prepare(std::min<std::size_t>(payload_left_, max_data_frame));
}

void Engine::received(std::size_t count) {
  if (Stream* const stream = payload_stream()) stream->unread.commit(count);
  on_payload(count);
}

void Engine::take_output(OutputBuffer& into) {
  into.swap(output_);
  output_.clear();
}

StreamId Engine::open(std::span<const std::byte> header) {
  if (peer_went_away_ || sent_go_away_) {
    throw Error(Errc::unavailable, "yamux: the session is ending, it takes no new stream");
  }
  if (streams_.size() >= limits_.max_streams || next_id_ > std::numeric_limits<StreamId>::max()) {
    throw Error(Errc::resource_exhausted,
                "yamux: all " + std::to_string(limits_.max_streams) + " streams are in use");
  }
  const auto id = static_cast<StreamId>(next_id_);
  next_id_ += 2;
  Stream& stream = streams_[id];
  stream.receive_window = limits_.receive_window;
  emit({FrameType::window_update, flag_syn, id, limits_.receive_window - initial_window});
  if (!header.empty()) {
    std::memcpy(prepare(id, header.size()).data(), header.data(), header.size());
    commit(header.size());
  }
  return id;
}

std::optional<StreamId> Engine::accept() {
  while (!to_accept_.empty()) {
    const StreamId id = to_accept_.front();
    to_accept_.pop_front();
    const auto found = streams_.find(id);
    if (found == streams_.end()) continue;
    const std::uint32_t more = limits_.receive_window - initial_window;
    found->second.receive_window += more;
    emit({FrameType::window_update, flag_ack, id, more});
    return id;
  }
  return std::nullopt;
}

std::span<const std::byte> Engine::readable(StreamId id) const {
  return at(id).unread.front();
}

void Engine::consume(StreamId id, std::size_t count) {
  Stream& stream = at(id);
  stream.unread.pop(count);
  stream.consumed += static_cast<std::uint32_t>(count);
  if (stream.peer_finished || stream.reset || stream.consumed < report_after(stream)) return;
  emit({FrameType::window_update, 0, id, stream.consumed});
  stream.receive_window += stream.consumed;
  stream.consumed = 0;
}

std::uint32_t Engine::report_after(const Stream& stream) const {
  // So early that the peer need not stop while its news of more room is under way.
  const std::uint32_t half = limits_.receive_window / 2;
  return stream.report_every == 0 ? half : std::min(stream.report_every, half);
}

void Engine::report_every(StreamId id, std::uint32_t bytes) {
  at(id).report_every = bytes;
}

bool Engine::at_end(StreamId id) const {
  const Stream& stream = at(id);
  return stream.peer_finished && stream.unread.empty() &&
         !(payload_left_ != 0 && frame_.stream == id);
}

bool Engine::reset_by_peer(StreamId id) const {
  return at(id).reset;
}

std::size_t Engine::writable(StreamId id) const {
  const Stream& stream = at(id);
  if (stream.finished || stream.reset || sent_go_away_) return 0;
  if (output_.size() >= limits_.output_target) return 0;
  return std::min<std::size_t>(stream.send_window, max_data_frame);
}

std::span<std::byte> Engine::prepare(StreamId id, std::size_t size) {
  preparing_ = id;
  prepared_at_ = output_.size();
  output_.resize(prepared_at_ + header_size + size);
  return std::span(output_).subspan(prepared_at_ + header_size);
}

void Engine::commit(std::size_t size) {
  if (size == 0) {
    output_.resize(prepared_at_);
    return;
  }
  output_.resize(prepared_at_ + header_size + size);
  const auto length = static_cast<std::uint32_t>(size);
  encode({FrameType::data, 0, preparing_, length},
         std::span(output_).subspan(prepared_at_).first<header_size>());
  at(preparing_).send_window -= length;
}

std::size_t Engine::write(StreamId id, std::span<const std::byte> data) {
  const std::size_t size = std::min(data.size(), writable(id));
  if (size == 0) return 0;
  std::memcpy(prepare(id, size).data(), data.data(), size);
  commit(size);
  return size;
}

void Engine::finish(StreamId id) {
  Stream& stream = at(id);
  if (stream.finished || stream.reset) return;
  stream.finished = true;
  emit({FrameType::window_update, flag_fin, id, 0});
}

void Engine::release(StreamId id) {
  const Stream& stream = at(id);
  if (!stream.reset && !(stream.finished && stream.peer_finished)) {
    emit({FrameType::window_update, flag_rst, id, 0});
  }
  if (!is_ours(id)) --peer_streams_;
  streams_.erase(id);
}

void Engine::ping(std::uint32_t value) {
  emit({FrameType::ping, flag_syn, 0, value});
}

std::optional<std::uint32_t> Engine::take_pong() {
  return std::exchange(pong_, std::nullopt);
}

void Engine::go_away(GoAwayCode code) {
  if (sent_go_away_) return;
  sent_go_away_ = true;
  emit({FrameType::go_away, 0, 0, static_cast<std::uint32_t>(code)});
}

std::vector<StreamId> Engine::take_changed() {
  for (const StreamId id : changed_) {
    if (const auto found = streams_.find(id); found != streams_.end()) {
      found->second.changed = false;
    }
  }
  return std::exchange(changed_, {});
}

Engine::Stream& Engine::at(StreamId id) {
  return const_cast<Stream&>(std::as_const(*this).at(id));
}

const Engine::Stream& Engine::at(StreamId id) const {
  const auto found = streams_.find(id);
  if (found == streams_.end()) {
    throw Error(Errc::internal, "yamux: stream " + std::to_string(id) + " is not open");
  }
  return found->second;
}

void Engine::mark_changed(StreamId id, Stream& stream) {
  if (std::exchange(stream.changed, true)) return;
  changed_.push_back(id);
}

void Engine::emit(const FrameHeader& header) {
  const std::size_t at = output_.size();
  output_.resize(at + header_size);
  encode(header, std::span(output_).subspan(at).first<header_size>());
}

void Engine::fail(const char* what, StreamId id) {
  throw Error(Errc::data_corruption, "yamux: stream " + std::to_string(id) + ": " + what);
}

}  // namespace vmkit::agent::yamux
