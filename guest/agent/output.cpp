// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace vmkit::guest {

using namespace agent::protocol;

namespace {

constexpr std::size_t least_read = 4096;
constexpr std::size_t most_read = 256 * 1024;
// Of one pipe in one round of the loop: a process that writes for ever must not keep us here.
constexpr int max_reads = 8;

}  // namespace

void Output::open(Fd fd, std::size_t ring_bytes, bool keep) {
  fd_ = std::move(fd);
  ring_ = OutputRing(ring_bytes);
  keep_ = keep;
}

std::uint64_t Output::floor() const {
  std::uint64_t least = ring_.end();
  for (const Reader& reader : readers_) least = std::min(least, reader.has);
  return least;
}

void Output::trim() {
  if (!keep_ && has_readers()) ring_.drop_before(floor());
}

// Reads grow with what comes: a process that writes one line costs a page, one that writes for long
// few system calls.
void Output::fill() {
  for (int i = 0; i < max_reads; ++i) {
    const auto room = ring_.prepare(next_read_, floor());
    if (room.empty()) return;
    const ssize_t count = ::read(fd_.get(), room.data(), room.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {  // EIO: nobody has the other end of the terminal any more
      fd_.reset();
      return trim();
    }
    ring_.commit(static_cast<std::size_t>(count));
    if (static_cast<std::size_t>(count) < room.size()) {
      next_read_ = std::max(next_read_ / 2, least_read);
      return;
    }
    next_read_ = std::min(next_read_ * 4, most_read);
  }
}

std::uint64_t Output::attach(StreamTable& streams, const EndName& name,
                             agent::yamux::StreamId stream, const ReadFrom& from) {
  std::uint64_t start = std::max(from.offset, ring_.begin());
  if (from.tail) start = ring_.end() - std::min<std::uint64_t>(*from.tail, ring_.size());
  if (start > ring_.end()) {
    throw RpcError(invalid_params, "offset " + std::to_string(from.offset) + ": only " +
                                       std::to_string(ring_.end()) + " bytes were written");
  }
  const auto same = std::find_if(readers_.begin(), readers_.end(),
                                 [&](const Reader& reader) { return reader.name == name; });
  if (same != readers_.end()) {
    if (same->stream != 0) streams.release(same->stream);
    readers_.erase(same);
  }
  Reader reader{name, stream, start, start, start, std::nullopt, false};
  if (!from.follow) reader.until = ring_.end();
  readers_.push_back(reader);
  return start;
}

void Output::take_news(StreamTable& streams, agent::yamux::StreamId stream) {
  const auto reader = std::find_if(readers_.begin(), readers_.end(),
                                   [&](const Reader& one) { return one.stream == stream; });
  if (reader == readers_.end()) return;
  auto& mux = streams.mux();
  const auto heard = mux.readable(stream);
  if (!heard.empty()) mux.consume(stream, heard.size());  // there is nothing to say
  const bool has_all = reader->finished && mux.at_end(stream);
  if (has_all || mux.reset_by_peer(stream)) {
    streams.release(stream);
    readers_.erase(reader);
    if (has_all && !keep_ && !has_readers()) drop();
  } else {
    reader->has = std::min(reader->begin + mux.acknowledged(stream), reader->sent);
  }
  trim();
}

bool Output::send(StreamTable& streams) {
  bool more = false;
  for (std::size_t i = 0; i < readers_.size();) {
    Reader& reader = readers_[i];
    if (reader.stream != 0 && send(streams, reader)) more = true;
    if (reader.finished && reader.stream != 0 && streams.mux().at_end(reader.stream)) {
      streams.finish(reader.stream);  // who has finished before says nothing any more
      readers_.erase(readers_.begin() + static_cast<std::ptrdiff_t>(i));
      trim();
    } else {
      ++i;
    }
  }
  return more;
}

bool Output::send(StreamTable& streams, Reader& reader) {
  auto& mux = streams.mux();
  const std::uint64_t end = reader.until.value_or(ring_.end());
  if (reader.sent < end) {
    auto data = ring_.from(reader.sent);
    if (data.size() > end - reader.sent) data = data.first(end - reader.sent);
    reader.sent += mux.write(reader.stream, data);
  }
  if (reader.sent < end) return mux.send_window(reader.stream) != 0;
  if (!reader.finished && (reader.until || !fd_)) {
    mux.finish(reader.stream);
    reader.finished = true;
  }
  return false;
}

void Output::close(StreamTable* streams) {
  fd_.reset();
  if (streams != nullptr) {
    for (const Reader& reader : readers_) {
      if (reader.stream != 0) streams->release(reader.stream);
    }
  }
  readers_.clear();
  trim();
}

void Output::end_session() {
  for (Reader& reader : readers_) {
    reader.stream = 0;
    reader.finished = false;
  }
}

void Output::forget_client(std::uint64_t client) {
  std::erase_if(readers_, [&](const Reader& reader) { return reader.name.client == client; });
  trim();
}

void Output::forget_lost(std::uint64_t client, const std::vector<std::uint64_t>& expected) {
  std::erase_if(readers_, [&](const Reader& reader) {
    return reader.name.client == client && reader.stream == 0 &&
           std::find(expected.begin(), expected.end(), reader.name.number) == expected.end();
  });
  trim();
}

void Output::drop() {
  ring_.drop_before(ring_.end());
}

}  // namespace vmkit::guest
