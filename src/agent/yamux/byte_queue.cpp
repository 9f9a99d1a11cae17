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
  while (!data.empty()) {
    const auto room = prepare(data.size());
    std::memcpy(room.data(), data.data(), room.size());
    commit(room.size());
    data = data.subspan(room.size());
  }
}

std::span<std::byte> ByteQueue::prepare(std::size_t size) {
  if (size_ + size > ring_.size()) grow(size_ + size);
  const std::size_t at = (head_ + size_) & (ring_.size() - 1);
  return std::span(ring_).subspan(at, std::min(size, ring_.size() - at));
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
