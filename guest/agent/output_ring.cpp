// SPDX-License-Identifier: Apache-2.0
#include "output_ring.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace vmkit::guest {
namespace {

constexpr std::size_t smallest = 4096;
constexpr std::size_t parts = 16;
// Given back when nothing is in it: a page or two may stay.
constexpr std::size_t kept_when_empty = 8192;

}  // namespace

std::span<std::byte> OutputRing::prepare(std::size_t wanted, std::uint64_t floor) {
  wanted = std::min(wanted, capacity_);
  const std::uint64_t kept = std::clamp(floor, begin_, end_);
  wanted = std::min(wanted, capacity_ - std::min<std::size_t>(capacity_, end_ - kept));
  if (wanted == 0) return {};
  if (size() + wanted > capacity_) {
    // Only a little is given up at a time: what is read may be less than there is room for.
    wanted = std::min(wanted, std::max({capacity_ - size(), capacity_ / parts, smallest}));
    begin_ = std::max(begin_, end_ + wanted - std::min<std::uint64_t>(capacity_, end_ + wanted));
  }
  if (size() + wanted > size_of_memory_) grow(size() + wanted);
  const std::size_t start = at(end_);
  return {&memory_[start], std::min(wanted, size_of_memory_ - start)};
}

std::span<const std::byte> OutputRing::from(std::uint64_t offset) const {
  const auto count = static_cast<std::size_t>(end_ - offset);
  if (count == 0) return {};
  const std::size_t start = at(offset);
  return {&memory_[start], std::min(count, size_of_memory_ - start)};
}

void OutputRing::drop_before(std::uint64_t offset) {
  begin_ = std::clamp(offset, begin_, end_);
  if (begin_ == end_ && size_of_memory_ > kept_when_empty) {
    memory_.reset();
    size_of_memory_ = 0;
  }
}

void OutputRing::grow(std::size_t needed) {
  const std::size_t larger = std::bit_ceil(std::max(needed, smallest));
  std::unique_ptr<std::byte[]> memory(new std::byte[larger]);
  for (std::uint64_t offset = begin_; offset != end_;) {
    const auto part = from(offset);
    const std::size_t to = static_cast<std::size_t>(offset) & (larger - 1);
    const std::size_t count = std::min(part.size(), larger - to);
    std::memcpy(&memory[to], part.data(), count);
    offset += count;
  }
  memory_ = std::move(memory);
  size_of_memory_ = larger;
}

}  // namespace vmkit::guest
