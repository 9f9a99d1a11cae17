// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace vmkit {

/// Bytes that can be read once, in order. Confined to one thread at a time.
class Source {
 public:
  virtual ~Source();
  /// Blocks until there is at least one byte; fills the front of `buffer` (not empty) and returns
  /// how many bytes; 0 only at the end. Throws Error.
  virtual std::size_t read(std::span<std::byte> buffer) = 0;
};

/// A place that takes bytes in order. Confined to one thread at a time.
class Sink {
 public:
  virtual ~Sink();
  /// Takes all of `data` or throws Error.
  virtual void write(std::span<const std::byte> data) = 0;
};

/// A connection: both directions at once, for example a socket, a virtio port, a yamux stream.
/// One thread may read while another writes; close() may be called from any thread.
class Stream : public Source, public Sink {
 public:
  ~Stream() override;
  /// No more will be written; the peer reads the end. Reading goes on.
  virtual void close_write() = 0;
  /// Ends both directions: a read that blocks returns 0, a write that blocks throws unavailable.
  /// May be called more than once.
  virtual void close() noexcept = 0;
};

/// Fills `buffer` or stops at the end; returns how much was read.
std::size_t read_full(Source& source, std::span<std::byte> buffer);

}  // namespace vmkit
