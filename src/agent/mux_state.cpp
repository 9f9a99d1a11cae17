// SPDX-License-Identifier: Apache-2.0
#include "agent/mux_state.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "agent/stoppable_wait.hpp"

namespace vmkit::agent {
namespace {

constexpr std::size_t transport_read_size = 256 * 1024;
constexpr std::size_t max_outbox = 4 * 1024 * 1024;
constexpr std::chrono::milliseconds farewell_time{200};

}  // namespace

MuxState::MuxState(std::unique_ptr<Stream> transport, yamux::Role role, yamux::Limits limits)
    : transport_(std::move(transport)), engine_(role, limits) {}

void MuxState::read_transport(std::span<const std::byte> early_input) noexcept {
  try {
    take_input(early_input);
    std::vector<std::byte> buffer(transport_read_size);
    for (;;) {
      const std::size_t count = transport_->read(buffer);
      if (count == 0) throw Error(Errc::unavailable, "the other end closed the connection");
      take_input(std::span(buffer).first(count));
      if (failure()) return;
    }
  } catch (const Error& error) {
    fail(error);
  } catch (const std::exception& error) {
    fail(Error(Errc::internal, error.what()));
  }
}

void MuxState::write_transport() noexcept {
  yamux::OutputBuffer output;
  std::unique_lock lock(mutex_);
  try {
    for (;;) {
      output_arrived_.wait(lock, [&] { return engine_.has_output() || failure_; });
      if (!engine_.has_output()) break;
      engine_.take_output(output);
      for (const auto id : std::exchange(waiting_for_output_, {})) {
        const auto found = entries_.find(id);
        if (found == entries_.end()) continue;
        found->second->waits_for_output = false;
        send_outbox(id, found->second);
        found->second->tell();
      }
      lock.unlock();
      transport_->write(output);
      lock.lock();
    }
  } catch (const std::exception& error) {
    if (lock.owns_lock()) lock.unlock();
    fail(Error(Errc::io, error.what()));
    lock.lock();
  }
  writer_is_done_ = true;
  writer_done_.notify_all();
  lock.unlock();
  transport_->close();  // the reading thread must not wait for a peer that has been left
}

void MuxState::take_input(std::span<const std::byte> input) {
  std::unique_lock lock(mutex_);
  try {
    engine_.receive(input);
  } catch (const Error&) {
    wake_writer();  // there is a go-away to be sent
    throw;
  }
  bool arrived = false;
  for (const auto id : engine_.take_changed()) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) {
      arrived = true;
      continue;
    }
    const EntryPtr entry = found->second;
    send_outbox(id, entry);
    entry->tell();
    if (entry->handler) give_to_handler(lock, id, entry);
  }
  if (arrived) {
    stream_arrived_.notify_all();
    if (accept_listener_) accept_listener_();
  }
  wake_writer();
  const auto code = engine_.peer_went_away();
  if (code && *code != 0) {
    throw Error(Errc::unavailable, "the other end gave up with code " + std::to_string(*code));
  }
}

// The handler runs without the lock, so the stream may be closed meanwhile.
void MuxState::give_to_handler(std::unique_lock<std::mutex>& lock, yamux::StreamId id,
                               const EntryPtr& to) {
  std::vector<std::byte> data;
  while (!to->closed) {
    const auto part = engine_.readable(id);
    const bool end = part.empty() && (engine_.at_end(id) || engine_.reset_by_peer(id));
    if (part.empty() && !end) return;
    data.assign(part.begin(), part.end());
    engine_.consume(id, part.size());
    const auto handler = to->handler;
    lock.unlock();
    (*handler)(data);
    lock.lock();
    if (end) return;
  }
}

yamux::StreamId MuxState::open(std::span<const std::byte> header) {
  const std::lock_guard lock(mutex_);
  if (failure_) throw *failure_;
  const auto id = engine_.open(header);
  entries_.emplace(id, std::make_shared<Entry>());
  wake_writer();
  return id;
}

yamux::StreamId MuxState::accept(const CallOptions& options) {
  StoppableWait waiting(mutex_, stream_arrived_, options, "waiting for a stream");
  std::unique_lock lock(mutex_);
  for (;;) {
    if (failure_) throw *failure_;
    if (const auto id = engine_.accept()) {
      entries_.emplace(*id, std::make_shared<Entry>());
      wake_writer();
      return *id;
    }
    waiting.wait(lock);
  }
}

std::optional<yamux::StreamId> MuxState::accept_now() {
  const std::lock_guard lock(mutex_);
  if (failure_) return std::nullopt;
  const auto id = engine_.accept();
  if (!id) return std::nullopt;
  entries_.emplace(*id, std::make_shared<Entry>());
  wake_writer();
  return id;
}

std::size_t MuxState::read(yamux::StreamId id, std::span<std::byte> buffer,
                           const CallOptions& options) {
  const EntryPtr stream = entry(id);
  StoppableWait waiting(mutex_, stream->changed, options, "reading a stream of the guest");
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stream->closed) return 0;
    if (const std::size_t count = take_readable(id, buffer)) return count;
    if (engine_.at_end(id)) return 0;
    check_open(id, *stream);
    waiting.wait(lock);
  }
}

std::size_t MuxState::take_readable(yamux::StreamId id, std::span<std::byte> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const auto data = engine_.readable(id);
    if (data.empty()) break;
    const std::size_t count = std::min(data.size(), buffer.size() - filled);
    std::memcpy(&buffer[filled], data.data(), count);
    engine_.consume(id, count);
    filled += count;
  }
  if (filled != 0) wake_writer();
  return filled;
}

std::optional<std::size_t> MuxState::read_now(yamux::StreamId id, std::span<std::byte> buffer) {
  const EntryPtr stream = entry(id);
  const std::lock_guard lock(mutex_);
  if (stream->closed) return 0;
  if (const std::size_t count = take_readable(id, buffer)) return count;
  if (engine_.at_end(id)) return 0;
  check_open(id, *stream);
  return std::nullopt;
}

std::size_t MuxState::write_now(yamux::StreamId id, std::span<const std::byte> data) {
  const EntryPtr stream = entry(id);
  const std::lock_guard lock(mutex_);
  check_open(id, *stream);
  std::size_t written = 0;
  while (written < data.size()) {
    const std::size_t count = engine_.write(id, data.subspan(written));
    if (count == 0) {
      wait_for_output(id, stream);
      break;
    }
    written += count;
  }
  if (written != 0) wake_writer();
  return written;
}

void MuxState::set_listener(yamux::StreamId id, std::function<void()> listener) {
  const EntryPtr stream = entry(id);
  const std::lock_guard lock(mutex_);
  stream->listener = std::move(listener);
}

void MuxState::set_accept_listener(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  accept_listener_ = std::move(listener);
}

void MuxState::limit_accepted(std::size_t most) {
  const std::lock_guard lock(mutex_);
  engine_.limit_accepted(most);
}

void MuxState::write(yamux::StreamId id, std::span<const std::byte> data,
                     const CallOptions& options) {
  while (!data.empty()) data = data.subspan(write_some(id, data, options));
}

std::size_t MuxState::write_some(yamux::StreamId id, std::span<const std::byte> data,
                                 const CallOptions& options) {
  const EntryPtr stream = entry(id);
  StoppableWait waiting(mutex_, stream->changed, options, "writing a stream of the guest");
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stream->write_closed) {
      throw Error(Errc::unavailable, "the stream was closed by this side");
    }
    check_open(id, *stream);
    if (stream->outbox.empty()) {
      if (const std::size_t count = engine_.write(id, data)) {
        wake_writer();
        return count;
      }
    }
    wait_for_output(id, stream);
    waiting.wait(lock);
  }
}

void MuxState::post(yamux::StreamId id, std::string_view message) {
  const EntryPtr stream = entry(id);
  const std::lock_guard lock(mutex_);
  check_open(id, *stream);
  if (stream->outbox.size() + message.size() > max_outbox) {
    throw Error(Errc::resource_exhausted, "the guest agent does not take its requests");
  }
  stream->outbox.append(message);
  send_outbox(id, stream);
}

void MuxState::send_outbox(yamux::StreamId id, const EntryPtr& of) {
  std::size_t sent = 0;
  while (!of->closed && sent < of->outbox.size()) {
    const std::size_t count = engine_.write(id, std::as_bytes(std::span(of->outbox).subspan(sent)));
    if (count == 0) {
      wait_for_output(id, of);
      break;
    }
    sent += count;
  }
  if (sent == 0) return;
  of->outbox.erase(0, sent);
  if (of->outbox.empty() && of->finish_after_outbox && !of->closed) engine_.finish(id);
  wake_writer();
}

void MuxState::wait_for_output(yamux::StreamId id, const EntryPtr& waiting) {
  if (std::exchange(waiting->waits_for_output, true)) return;
  waiting_for_output_.push_back(id);
}

void MuxState::close_write(yamux::StreamId id) {
  const EntryPtr stream = entry(id);
  const std::lock_guard lock(mutex_);
  if (stream->closed || failure_) return;
  stream->write_closed = true;
  if (stream->outbox.empty()) {
    engine_.finish(id);
  } else {
    stream->finish_after_outbox = true;
  }
  stream->changed.notify_all();
  wake_writer();
}

std::uint64_t MuxState::acknowledged(yamux::StreamId id) const {
  const std::lock_guard lock(mutex_);
  return engine_.contains(id) ? engine_.acknowledged(id) : 0;
}

void MuxState::report_every(yamux::StreamId id, std::uint32_t bytes) {
  const std::lock_guard lock(mutex_);
  if (engine_.contains(id)) engine_.report_every(id, bytes);
}

void MuxState::close(yamux::StreamId id) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end() || std::exchange(found->second->closed, true)) return;
  engine_.release(id);
  found->second->changed.notify_all();
  wake_writer();
}

void MuxState::forget(yamux::StreamId id) noexcept {
  close(id);
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
}

void MuxState::set_handler(yamux::StreamId id, DataHandler handler) {
  const EntryPtr stream = entry(id);
  const std::lock_guard lock(mutex_);
  stream->handler = std::make_shared<DataHandler>(std::move(handler));
}

void MuxState::on_failure(FailureHandler handler) {
  std::unique_lock lock(mutex_);
  if (!failure_) {
    failure_handler_ = std::move(handler);
    return;
  }
  const Error error = *failure_;
  lock.unlock();
  handler(error);
}

std::optional<Error> MuxState::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void MuxState::fail(const Error& cause) noexcept {
  std::unique_lock lock(mutex_);
  if (failure_) return;
  failure_ = Error(Errc::unavailable,
                   std::string("the session with the guest agent has ended: ") + cause.what(),
                   cause.native());
  for (auto& [id, stream] : entries_) stream->tell();
  stream_arrived_.notify_all();
  if (accept_listener_) accept_listener_();
  output_arrived_.notify_all();
  const auto handler = std::exchange(failure_handler_, nullptr);
  const Error error = *failure_;
  lock.unlock();
  if (handler) handler(error);
}

void MuxState::shut_down() noexcept {
  {
    const std::lock_guard lock(mutex_);
    // Nobody leaves a session that was lost.
    if (!failure_) engine_.go_away(yamux::GoAwayCode::normal);
  }
  fail(Error(Errc::unavailable, "closed by this side"));
  std::unique_lock lock(mutex_);
  writer_done_.wait_for(lock, farewell_time, [&] { return writer_is_done_; });
  if (transport_) transport_->close();
}

void MuxState::drop_transport() noexcept {
  const std::lock_guard lock(mutex_);
  transport_.reset();
}

MuxState::EntryPtr MuxState::entry(yamux::StreamId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) throw Error(Errc::internal, "a stream that was forgotten is used");
  return found->second;
}

void MuxState::check_open(yamux::StreamId id, const Entry& stream) const {
  if (stream.closed) throw Error(Errc::unavailable, "the stream was closed by this side");
  if (engine_.reset_by_peer(id)) throw Error(Errc::unavailable, "the guest has closed the stream");
  if (failure_) throw *failure_;
}

void MuxState::wake_writer() {
  if (engine_.has_output()) output_arrived_.notify_one();
}

}  // namespace vmkit::agent
