// SPDX-License-Identifier: Apache-2.0
#include "agent/yamux/byte_queue.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace vmkit::agent::yamux {
namespace {

constexpr std::size_t kept_when_empty = 16 * 1024;

}  // namespace

void ByteQueue::append(std::span<const std::byte> data) {
  if (data.empty()) return;
  if (size_ + data.size() > ring_.size()) grow(size_ + data.size());
  const std::size_t at = (head_ + size_) & (ring_.size() - 1);
  const std::size_t first = std::min(data.size(), ring_.size() - at);
  std::memcpy(&ring_[at], data.data(), first);
  if (first < data.size()) std::memcpy(ring_.data(), &data[first], data.size() - first);
  size_ += data.size();
}

std::span<const std::byte> ByteQueue::front() const {
  return std::span(ring_).subspan(head_, std::min(size_, ring_.size() - head_));
}

void ByteQueue::pop(std::size_t count) {
  size_ -= count;
  if (size_ != 0) {
    head_ = (head_ + count) & (ring_.size() - 1);
  } else {
    head_ = 0;
  }
}

void ByteQueue::clear() {
  head_ = 0;
  size_ = 0;
  if (ring_.size() > kept_when_empty) ring_ = {};
}

void ByteQueue::grow(std::size_t needed) {
  std::vector<std::byte> larger(std::bit_ceil(std::max<std::size_t>(needed, 4096)));
  const std::size_t size = size_;
  std::size_t filled = 0;
  while (filled < size) {
    const auto part = front();
    std::memcpy(&larger[filled], part.data(), part.size());
    filled += part.size();
    pop(part.size());
  }
  ring_ = std::move(larger);
  head_ = 0;
  size_ = size;
}

}  // namespace vmkit::agent::yamux
