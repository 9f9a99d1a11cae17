// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace vmkit::agent::yamux {

/// Bytes on their way out: as a vector of them, but room in it is made before it is filled, tens of
/// KiB at a time, and zeroing it first would cost as much as the copy. (A vector whose allocator
/// leaves new elements as they are moves its elements one by one.)
class OutputBuffer {
 public:
  OutputBuffer() = default;
  OutputBuffer(OutputBuffer&& other) noexcept { swap(other); }
  OutputBuffer& operator=(OutputBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::byte* data() { return bytes_.get(); }
  const std::byte* data() const { return bytes_.get(); }
  std::byte* begin() { return bytes_.get(); }
  std::byte* end() { return bytes_.get() + size_; }
  const std::byte* begin() const { return bytes_.get(); }
  const std::byte* end() const { return bytes_.get() + size_; }

  /// Keeps the memory for what comes next.
  void clear() { size_ = 0; }
  /// What is new in it has any value.
  void resize(std::size_t size) {
    if (size > capacity_) grow(std::max(size, 2 * capacity_));
    size_ = size;
  }
  void append(std::span<const std::byte> data) {
    if (data.empty()) return;
    const std::size_t at = size_;
    resize(at + data.size());
    std::memcpy(bytes_.get() + at, data.data(), data.size());
  }
  void swap(OutputBuffer& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void grow(std::size_t capacity) {
    std::unique_ptr<std::byte[]> larger(new std::byte[capacity]);
    if (size_ != 0) std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace vmkit::agent::yamux
