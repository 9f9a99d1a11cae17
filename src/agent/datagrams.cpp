// SPDX-License-Identifier: Apache-2.0
#include "agent/datagrams.hpp"

#include <algorithm>
#include <cstdint>

#include <vmkit/base/byte_order.hpp>

namespace vmkit::agent {

void append_datagram(std::span<const std::byte> datagram, std::vector<std::byte>& out) {
  std::byte prefix[datagram_prefix];
  store_be(prefix, static_cast<std::uint16_t>(datagram.size()));
  out.insert(out.end(), prefix, prefix + sizeof prefix);
  out.insert(out.end(), datagram.begin(), datagram.end());
}

std::optional<std::span<const std::byte>> DatagramDecoder::next(std::span<const std::byte>& input) {
  if (given_) held_.clear();
  given_ = false;
  const auto take_up_to = [&](std::size_t size) {
    const auto part = input.first(std::min(input.size(), size - held_.size()));
    held_.insert(held_.end(), part.begin(), part.end());
    input = input.subspan(part.size());
    return held_.size() == size;
  };
  if (held_.size() < datagram_prefix && !take_up_to(datagram_prefix)) return std::nullopt;
  const std::size_t size = load_be<std::uint16_t>(held_.data());
  if (!take_up_to(datagram_prefix + size)) return std::nullopt;
  given_ = true;
  return std::span(held_).subspan(datagram_prefix);
}

}  // namespace vmkit::agent
