// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace vmkit::guest {

/// The last bytes of an output, named by their offset from its beginning. Takes memory as it
/// fills, up to its capacity.
class OutputRing {
 public:
  explicit OutputRing(std::size_t capacity) : capacity_(capacity) {}

  std::size_t capacity() const { return capacity_; }
  /// The offset of the first byte that is kept, and that after the last one.
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }

  /// Room for at most `wanted` more bytes, in one piece; commit() tells how many were put there.
  /// Bytes before `floor` are given up for it, others are not: empty if there is no room.
  std::span<std::byte> prepare(std::size_t wanted, std::uint64_t floor);
  void commit(std::size_t count) { end_ += count; }

  /// The bytes from `offset` on, which is within begin() and end(), as far as they lie together.
  std::span<const std::byte> from(std::uint64_t offset) const;

  /// Gives up what is before `offset`, and the memory if that was all.
  void drop_before(std::uint64_t offset);

 private:
  std::size_t at(std::uint64_t offset) const {
    return static_cast<std::size_t>(offset) & (size_of_memory_ - 1);
  }
  void grow(std::size_t needed);

  std::size_t capacity_;
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_of_memory_ = 0;  // zero or a power of two
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace vmkit::guest
