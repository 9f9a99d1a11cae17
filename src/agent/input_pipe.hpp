// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "agent/mux.hpp"
#include "agent/yamux/byte_queue.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent {

/// The writing end of the input of a process, whichever stream it goes through. Keeps what the
/// process's pipe is not known to have taken. Thread-safe, except that one thread at a time writes.
class InputPipe {
 public:
  /// Waits meanwhile when a session is lost.
  void write(std::span<const std::byte> data, const CallOptions& options);
  /// The end comes after what was written.
  void close() noexcept;

  /// The stream is lost. True if another one is wanted.
  bool suspend();
  /// From now on goes to `stream`, which begins with a header of `header_bytes` that is not
  /// counted. The process has taken `offset` bytes, or all it ever will.
  void connect(std::unique_ptr<MuxStream> stream, std::size_t header_bytes, std::uint64_t offset,
               bool closed);
  /// There will be no stream any more.
  void fail(const Error& error) noexcept;

 private:
  void forget_acknowledged();
  void drop(std::uint64_t until);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<MuxStream> stream_;
  std::uint64_t stream_begin_ = 0;  // the offset of its first byte after the header
  std::size_t header_bytes_ = 0;
  yamux::ByteQueue unacknowledged_;
  std::uint64_t sent_ = 0;  // the offset behind unacknowledged_
  bool connected_ = false;
  bool writing_ = false;
  bool closed_ = false;
  std::optional<Error> failure_;
};

}  // namespace vmkit::agent
