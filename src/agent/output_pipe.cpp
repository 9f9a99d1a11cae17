// SPDX-License-Identifier: Apache-2.0
#include "agent/output_pipe.hpp"

#include <string>
#include <utility>

#include "agent/stoppable_wait.hpp"

namespace vmkit::agent {

std::uint64_t OutputPipe::offset() const {
  const std::lock_guard lock(mutex_);
  return offset_;
}

std::size_t OutputPipe::read(std::span<std::byte> buffer, const CallOptions& options) {
  StoppableWait waiting(mutex_, changed_, options, "reading the output of a process");
  std::unique_lock lock(mutex_);
  for (;;) {
    while (!stream_ && !failure_ && !closed_ && !ended_ && !lost_) waiting.wait(lock);
    if (closed_ || ended_) return 0;
    if (const auto lost = std::exchange(lost_, std::nullopt)) {
      throw Error(Errc::data_corruption,
                  "output of a process: " + std::to_string(*lost) +
                      " bytes were overwritten before they could be read; reading goes on at " +
                      std::to_string(offset_));
    }
    if (!stream_) throw *failure_;
    const auto stream = stream_;
    reading_ = true;
    lock.unlock();
    std::size_t count = 0;
    std::optional<Error> error;
    try {
      count = stream->read(buffer, options);
    } catch (const Error& thrown) {
      error = thrown;
    }
    lock.lock();
    reading_ = false;
    changed_.notify_all();
    offset_ += count;
    if (count != 0) return count;
    if (closed_) return 0;
    if (!error) {
      ended_ = true;
      stream->close_write();  // tells that all has come
      return 0;
    }
    if (error->code() != Errc::unavailable || !stream->session_failure()) throw *error;
    if (stream_ == stream) stream_.reset();  // wait for the next
  }
}

void OutputPipe::close() noexcept {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  if (stream_) stream_->close();
  changed_.notify_all();
}

bool OutputPipe::suspend() {
  std::unique_lock lock(mutex_);
  stream_.reset();
  // Its session has ended, so it does not wait for anything; what it still finds counts.
  changed_.wait(lock, [this] { return !reading_; });
  stream_.reset();
  return !ended_ && !closed_ && !failure_;
}

void OutputPipe::connect(std::unique_ptr<MuxStream> stream, std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  if (closed_ || failure_) return;
  if (connected_ && offset < offset_) {
    failure_ = Error(Errc::data_corruption,
                     "the guest agent gives output again that was read already: expected offset " +
                         std::to_string(offset_) + ", found " + std::to_string(offset));
    changed_.notify_all();
    return;
  }
  constexpr std::size_t parts = 4;
  stream->report_every(static_cast<std::uint32_t>(ring_bytes_ / parts));
  if (connected_ && offset > offset_) lost_ = offset - offset_;
  connected_ = true;
  offset_ = offset;
  stream_ = std::move(stream);
  changed_.notify_all();
}

void OutputPipe::fail(const Error& error) noexcept {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = error;
  changed_.notify_all();
}

}  // namespace vmkit::agent
