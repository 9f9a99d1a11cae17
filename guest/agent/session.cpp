// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <algorithm>

#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

using agent::protocol::stream_header;
using agent::protocol::stream_header_size;
using agent::protocol::StreamKind;

constexpr std::size_t output_target = 128 * 1024;

agent::yamux::Limits limits() {
  agent::yamux::Limits limits;
  limits.receive_window = agent::protocol::input_window;
  limits.output_target = output_target;
  return limits;
}

constexpr std::size_t max_unsent_answers = 4 * 1024 * 1024;

}  // namespace

Session::Session() : mux_(agent::yamux::Role::server, limits()) {}

void Session::receive(std::span<const std::byte> input) {
  mux_.receive(input);
  take_news();
}

void Session::received(std::size_t count) {
  mux_.received(count);
  take_news();
}

void Session::take_news() {
  accept_streams();
  changed_.clear();
  for (const auto id : mux_.take_changed()) {
    if (const auto stream = streams_.find(id); stream != streams_.end()) {
      on_change(id, stream->second);
    }
  }
  if (rpc_ != 0 && (mux_.at_end(rpc_) || mux_.reset_by_peer(rpc_))) ended_ = for_good_ = true;
  if (const auto code = mux_.peer_went_away()) {
    ended_ = true;
    for_good_ = *code == static_cast<std::uint32_t>(agent::yamux::GoAwayCode::normal);
  }
}

void Session::on_change(agent::yamux::StreamId id, Opened& stream) {
  switch (stream.state) {
    case StreamState::header:
    case StreamState::unclaimed:
      if (mux_.reset_by_peer(id)) return release(id);
      if (stream.state == StreamState::header) read_header(id, stream);
      return;
    case StreamState::claimed:
      changed_.push_back(id);
      return;
    case StreamState::finished:
      return drain_finished(id);
  }
}

void Session::accept_streams() {
  while (const auto id = mux_.accept()) {
    if (rpc_ == 0) {
      rpc_ = *id;
    } else {
      streams_.try_emplace(*id);
    }
  }
}

void Session::read_header(agent::yamux::StreamId id, Opened& stream) {
  const auto data = mux_.readable(id);
  if (data.size() >= stream_header_size) {
    for (const StreamKind kind :
         {StreamKind::stdio, StreamKind::file, StreamKind::connection, StreamKind::probe}) {
      const auto expected = stream_header(kind);
      if (!std::equal(expected.begin(), expected.end(), data.begin())) continue;
      mux_.consume(id, stream_header_size);
      stream = {StreamState::unclaimed, kind};
      return;
    }
  } else if (!mux_.at_end(id)) {
    return;
  }
  release(id);
}

std::optional<std::string> Session::next_request() {
  while (rpc_ != 0) {
    auto data = mux_.readable(rpc_);
    const std::size_t available = data.size();
    if (available == 0) return std::nullopt;
    auto request = decoder_.next(data);
    mux_.consume(rpc_, available - data.size());
    if (request) return request;
  }
  return std::nullopt;
}

void Session::send(const std::string& message) {
  if (answers_.size() - answers_sent_ > max_unsent_answers) {
    throw Error(Errc::resource_exhausted, "the client asks but does not read the answers");
  }
  agent::append_message(message, answers_);
}

void Session::pump_answers() {
  while (answers_pending()) {
    const std::size_t sent =
        mux_.write(rpc_, std::as_bytes(std::span(answers_).subspan(answers_sent_)));
    if (sent == 0) return;
    answers_sent_ += sent;
  }
  answers_.clear();
  answers_sent_ = 0;
}

bool Session::claim(StreamKind kind, agent::yamux::StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return false;
  Opened& stream = found->second;
  if (stream.state != StreamState::unclaimed || stream.kind != kind) return false;
  stream.state = StreamState::claimed;
  return true;
}

void Session::finish(agent::yamux::StreamId id) {
  mux_.finish(id);
  streams_[id].state = StreamState::finished;
  drain_finished(id);
}

agent::yamux::StreamId Session::open(StreamKind kind) {
  const auto id = mux_.open();
  streams_[id] = {StreamState::claimed, kind};
  // Not write(), which may find the output full.
  const auto header = stream_header(kind);
  std::copy(header.begin(), header.end(), mux_.prepare(id, header.size()).begin());
  mux_.commit(header.size());
  return id;
}

// Releasing before the client has finished would be a reset, and a reset overtakes the data that it
// has not read yet.
void Session::drain_finished(agent::yamux::StreamId id) {
  while (!mux_.readable(id).empty()) mux_.consume(id, mux_.readable(id).size());
  if (mux_.at_end(id) || mux_.reset_by_peer(id)) release(id);
}

void Session::release(agent::yamux::StreamId id) {
  mux_.release(id);
  streams_.erase(id);
}

}  // namespace vmkit::guest
