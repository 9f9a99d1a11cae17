// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vmkit::agent {

/// Appends `message` with its four byte big-endian length to `out`. Throws invalid_argument if it
/// is longer than a message may be.
void append_message(std::string_view message, std::string& out);

/// Cuts a byte stream into length-prefixed messages. Holds at most one message. Confined.
class MessageDecoder {
 public:
  /// Eats `input` up to the end of the next message and returns it; eats all of it if the message
  /// is not complete. Throws data_corruption for a length of zero or above the limit.
  std::optional<std::string> next(std::span<const std::byte>& input);

 private:
  std::size_t prefix_filled_ = 0;
  std::size_t length_ = 0;
  std::string message_;
};

}  // namespace vmkit::agent
