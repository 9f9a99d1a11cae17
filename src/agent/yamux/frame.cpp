// SPDX-License-Identifier: Apache-2.0
#include "agent/yamux/frame.hpp"

#include <string>

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent::yamux {
namespace {

constexpr unsigned all_flags = flag_syn | flag_ack | flag_fin | flag_rst;

[[noreturn]] void illegal(const std::string& what) {
  throw Error(Errc::data_corruption, "yamux: " + what);
}

}  // namespace

void encode(const FrameHeader& header, std::span<std::byte, header_size> to) {
  to[0] = std::byte{0};
  to[1] = static_cast<std::byte>(header.type);
  store_be<std::uint16_t>(&to[2], header.flags);
  store_be<std::uint32_t>(&to[4], header.stream);
  store_be<std::uint32_t>(&to[8], header.length);
}

FrameHeader decode(std::span<const std::byte, header_size> from) {
  const auto version = std::to_integer<unsigned>(from[0]);
  const auto type = std::to_integer<unsigned>(from[1]);
  const FrameHeader header{static_cast<FrameType>(type), load_be<std::uint16_t>(&from[2]),
                           load_be<std::uint32_t>(&from[4]), load_be<std::uint32_t>(&from[8])};
  if (version != 0) illegal("expected version 0, found " + std::to_string(version));
  if (type > static_cast<unsigned>(FrameType::go_away)) {
    illegal("unknown frame type " + std::to_string(type));
  }
  if ((header.flags & ~all_flags) != 0) {
    illegal("unknown flags " + std::to_string(header.flags));
  }
  const bool of_session = header.type == FrameType::ping || header.type == FrameType::go_away;
  if (of_session != (header.stream == 0)) {
    illegal("frame type " + std::to_string(type) + " on stream " + std::to_string(header.stream));
  }
  return header;
}

}  // namespace vmkit::agent::yamux
