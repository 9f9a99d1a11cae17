// SPDX-License-Identifier: Apache-2.0
#include "vm/helper/frame.hpp"

#include <cstdint>

#include <vmkit/base/error.hpp>

namespace vmkit::vm::helper {
namespace {

constexpr std::size_t frame_head = 5;  // the payload's length, and the kind

std::uint32_t frame_length(std::string_view head) {
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(head[i]);
  return length;
}

}  // namespace

std::string encode_frame(FrameKind kind, std::string_view payload) {
  if (payload.size() > longest_frame) {
    throw Error(Errc::invalid_argument, "a helper's message: expected at most " +
                                            std::to_string(longest_frame) + " bytes, found " +
                                            std::to_string(payload.size()));
  }
  std::string frame;
  frame.reserve(frame_head + payload.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame += static_cast<char>(payload.size() >> shift & 0xff);
  }
  frame += static_cast<char>(kind);
  return frame += payload;
}

void FrameDecoder::add(std::string_view bytes) {
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  buffer_ += bytes;
}

std::optional<Frame> FrameDecoder::next() {
  const std::string_view rest = std::string_view(buffer_).substr(consumed_);
  if (rest.size() < frame_head) return std::nullopt;
  const std::uint32_t length = frame_length(rest);
  const auto kind = static_cast<unsigned char>(rest[4]);
  if (length > longest_frame || kind > static_cast<unsigned char>(FrameKind::bytes)) {
    throw Error(Errc::data_corruption, "expected a frame of at most " +
                                           std::to_string(longest_frame) + " bytes, found one of " +
                                           std::to_string(length) + " and of kind " +
                                           std::to_string(kind));
  }
  if (rest.size() - frame_head < length) return std::nullopt;
  consumed_ += frame_head + length;
  return Frame{static_cast<FrameKind>(kind), std::string(rest.substr(frame_head, length))};
}

}  // namespace vmkit::vm::helper
