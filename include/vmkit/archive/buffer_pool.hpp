// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include <vmkit/base/byte_size.hpp>

namespace vmkit::archive {

struct BufferPoolOptions {
  ByteSize buffer_size = ByteSize(512 * 1024);
  /// For whoever wants them first.
  std::size_t shared_buffers = 16;
  /// For each reader besides, so that none waits for ever for another.
  std::size_t own_buffers = 0;
};

/// Bounded memory that several ReadAheads read ahead into: those that nobody waits for yet may take
/// what the others leave, and no more. Buffers are allocated as they are needed, and the one that
/// was given back last is used first, as it is the one in the processor's caches. Thread-safe.
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
