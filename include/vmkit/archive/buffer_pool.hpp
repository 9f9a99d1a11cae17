// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include <vmkit/base/byte_size.hpp>

namespace vmkit::archive {

/// How many buffers a pool has, and of what size.
struct BufferPoolOptions {
  ByteSize buffer_size = ByteSize(512 * 1024);
  /// For each stream.
  std::size_t own_buffers = 16;
  /// For those streams besides that are read ahead and that nobody has begun to read.
  std::size_t shared_buffers = 0;
};

/// Bounded memory that several ReadAheads read ahead into. A stream that is being read does with a
/// few buffers, which stay in the processor's caches; those that wait for their turn share the
/// rest, and keep what they have when it comes, unless others want it. Buffers are allocated as
/// they are needed, and the one that was given back last is used first. Thread-safe.
class BufferPool {
 public:
  explicit BufferPool(const BufferPoolOptions& options);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

 private:
  friend class ReadAhead;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::archive
