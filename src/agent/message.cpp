// SPDX-License-Identifier: Apache-2.0
#include "agent/message.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/protocol.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

constexpr std::size_t prefix_size = 4;

}  // namespace

void append_message(std::string_view message, std::string& out) {
  if (message.size() > protocol::max_message_bytes) {
    throw Error(Errc::invalid_argument, "agent message of " + std::to_string(message.size()) +
                                            " bytes: expected at most " +
                                            std::to_string(protocol::max_message_bytes));
  }
  std::array<std::byte, prefix_size> prefix;
  store_be<std::uint32_t>(prefix.data(), static_cast<std::uint32_t>(message.size()));
  out.append(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  out.append(message);
}

std::optional<std::string> MessageDecoder::next(std::span<const std::byte>& input) {
  while (!input.empty() && prefix_filled_ < prefix_size) {
    length_ = length_ << 8 | std::to_integer<std::size_t>(input[0]);
    input = input.subspan(1);
    if (++prefix_filled_ == prefix_size &&
        (length_ == 0 || length_ > protocol::max_message_bytes)) {
      throw Error(Errc::data_corruption, "agent message: expected 1 to " +
                                             std::to_string(protocol::max_message_bytes) +
                                             " bytes, found " + std::to_string(length_));
    }
  }
  if (prefix_filled_ < prefix_size) return std::nullopt;
  const std::size_t count = std::min(input.size(), length_ - message_.size());
  message_.append(reinterpret_cast<const char*>(input.data()), count);
  input = input.subspan(count);
  if (message_.size() < length_) return std::nullopt;
  prefix_filled_ = 0;
  length_ = 0;
  return std::exchange(message_, {});
}

}  // namespace vmkit::agent
