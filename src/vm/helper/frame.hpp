// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// How a helper program and its owner speak: docs/formats/machine-helper.md.
namespace vmkit::vm::helper {

enum class FrameKind : unsigned char {
  message = 0,             ///< JSON.
  message_descriptor = 1,  ///< JSON, with a descriptor that came along.
  bytes = 2,               ///< A part of something large.
};

struct Frame {
  FrameKind kind = FrameKind::message;
  std::string payload;
};

inline constexpr std::size_t longest_frame = 4 << 20;

/// Throws invalid_argument for a payload that is too long.
std::string encode_frame(FrameKind kind, std::string_view payload);

/// Takes bytes as they come and gives whole frames. Confined.
class FrameDecoder {
 public:
  void add(std::string_view bytes);
  /// Throws data_corruption for what is none: the peer is beyond use then.
  std::optional<Frame> next();

 private:
  std::string buffer_;
  std::size_t consumed_ = 0;
};

}  // namespace vmkit::vm::helper
