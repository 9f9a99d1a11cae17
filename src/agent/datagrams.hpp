// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace vmkit::agent {

/// Datagrams in a stream of bytes: each with its length, two bytes big-endian, before it.
inline constexpr std::size_t datagram_prefix = 2;
inline constexpr std::size_t max_datagram = 65535;

void append_datagram(std::span<const std::byte> datagram, std::vector<std::byte>& out);

/// Cuts a stream into datagrams again. Holds at most one. Confined.
class DatagramDecoder {
 public:
  /// Eats `input` up to the end of the next datagram and returns it, valid until the next call;
  /// eats all of it if the datagram is not complete.
  std::optional<std::span<const std::byte>> next(std::span<const std::byte>& input);

 private:
  std::vector<std::byte> held_;
  bool given_ = false;
};

}  // namespace vmkit::agent
