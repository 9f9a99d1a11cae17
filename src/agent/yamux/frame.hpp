// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vmkit::agent::yamux {

/// Names a stream within a session; the client's are odd, the server's even, 0 is the session.
using StreamId = std::uint32_t;

inline constexpr std::size_t header_size = 12;
/// The window that both sides assume for a new stream.
inline constexpr std::uint32_t initial_window = 256 * 1024;

enum class FrameType : std::uint8_t { data = 0, window_update = 1, ping = 2, go_away = 3 };

inline constexpr std::uint16_t flag_syn = 1;
inline constexpr std::uint16_t flag_ack = 2;
inline constexpr std::uint16_t flag_fin = 4;
inline constexpr std::uint16_t flag_rst = 8;

enum class GoAwayCode : std::uint32_t { normal = 0, protocol_error = 1, internal_error = 2 };

/// The header of every frame, as in HashiCorp's specification of yamux, version 0.
struct FrameHeader {
  FrameType type;
  std::uint16_t flags;
  StreamId stream;
  /// Data: bytes that follow. Window update: the increment. Ping: opaque. Go away: the code.
  std::uint32_t length;

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

void encode(const FrameHeader& header, std::span<std::byte, header_size> to);

/// Throws data_corruption if the header is illegal in itself: an unknown version, type or flag, or
/// a stream id that does not fit the type.
FrameHeader decode(std::span<const std::byte, header_size> from);

}  // namespace vmkit::agent::yamux
