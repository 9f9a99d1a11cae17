// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace vmkit::agent::yamux {

/// Bytes in order: a ring that grows to what is needed and gives a large one back on clear().
/// Bounding it is the owner's job. Confined.
class ByteQueue {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  void append(std::span<const std::byte> data);
  /// Room for `size` more bytes, as far as it lies in one piece, to be filled in place: commit()
  /// must follow before any other call, with how many were filled.
  std::span<std::byte> prepare(std::size_t size);
  void commit(std::size_t count) { size_ += count; }
  /// The longest contiguous front part; empty only if the queue is. Valid until the next append.
  std::span<const std::byte> front() const;
  /// Drops `count` bytes, at most size().
  void pop(std::size_t count);
  void clear();

 private:
  void grow(std::size_t needed);

  std::vector<std::byte> ring_;  // its size is zero or a power of two
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace vmkit::agent::yamux
