// SPDX-License-Identifier: Apache-2.0
#include "agent/input_pipe.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "agent/protocol.hpp"
#include "agent/stoppable_wait.hpp"

namespace vmkit::agent {

void InputPipe::write(std::span<const std::byte> data, const CallOptions& options) {
  StoppableWait waiting(mutex_, changed_, options, "writing the input of a process");
  std::unique_lock lock(mutex_);
  while (!data.empty()) {
    while (!stream_ && !failure_ && !closed_) waiting.wait(lock);
    if (closed_) throw Error(Errc::unavailable, "the input was closed by this side");
    if (!stream_) throw *failure_;
    const auto stream = stream_;
    writing_ = true;
    lock.unlock();
    std::size_t count = 0;
    std::optional<Error> error;
    try {
      count = stream->write_some(data, options);
    } catch (const Error& thrown) {
      error = thrown;
    }
    lock.lock();
    unacknowledged_.append(data.first(count));
    sent_ += count;
    data = data.subspan(count);
    writing_ = false;
    changed_.notify_all();
    if (count != 0) {
      if (stream_ == stream) forget_acknowledged();
      if (unacknowledged_.size() > protocol::input_window) {  // no window of ours lets that happen
        failure_ = Error(Errc::data_corruption,
                         "the guest agent takes input and never tells that it has it");
        stream_.reset();
      }
      continue;
    }
    if (closed_) continue;
    if (error->code() != Errc::unavailable || !stream->session_failure()) throw *error;
    if (stream_ == stream) stream_.reset();  // wait for the next
  }
}

void InputPipe::close() noexcept {
  const std::lock_guard lock(mutex_);
  if (std::exchange(closed_, true)) return;
  try {
    if (stream_) stream_->close_write();
  } catch (const Error&) {
    // Only a stream that is gone already cannot be closed.
  }
  changed_.notify_all();
}

bool InputPipe::suspend() {
  std::unique_lock lock(mutex_);
  stream_.reset();
  // Its session has ended, so it does not wait for anything; what was taken counts.
  changed_.wait(lock, [this] { return !writing_; });
  stream_.reset();
  return !failure_;
}

void InputPipe::connect(std::unique_ptr<MuxStream> stream, std::size_t header_bytes,
                        std::uint64_t offset, bool closed) {
  const std::lock_guard lock(mutex_);
  if (failure_) return;
  if (!std::exchange(connected_, true)) {
    sent_ = offset;  // what others have written before
  } else if (offset > sent_ || offset < sent_ - unacknowledged_.size()) {
    failure_ = Error(Errc::data_corruption,
                     "the guest agent claims to have taken other input than was sent");
    changed_.notify_all();
    return;
  }
  drop(offset);
  if (closed) {
    failure_ = Error(Errc::unavailable, "the process does not read its input any more");
    changed_.notify_all();
    return;
  }
  stream_ = std::move(stream);
  stream_begin_ = offset;
  header_bytes_ = header_bytes;
  try {
    std::size_t at = 0;
    yamux::ByteQueue rest = unacknowledged_;
    while (at < unacknowledged_.size()) {
      const auto part = rest.front();
      stream_->post({reinterpret_cast<const char*>(part.data()), part.size()});
      at += part.size();
      rest.pop(part.size());
    }
    if (closed_) stream_->close_write();
  } catch (const Error&) {
    // Its session is lost, too: there will be another.
  }
  changed_.notify_all();
}

void InputPipe::fail(const Error& error) noexcept {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = error;
  changed_.notify_all();
}

void InputPipe::forget_acknowledged() {
  const std::uint64_t told = stream_->acknowledged();
  if (told > header_bytes_) drop(std::min(stream_begin_ + told - header_bytes_, sent_));
}

void InputPipe::drop(std::uint64_t until) {
  const std::uint64_t begin = sent_ - unacknowledged_.size();
  if (until > begin) unacknowledged_.pop(static_cast<std::size_t>(until - begin));
}

}  // namespace vmkit::agent
