// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/base64.hpp"

#include <algorithm>

namespace vmkit::oci {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      result += j <= count ? alphabet[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return result;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string result;
  result.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::string_view group = text.substr(i, 4);
    const bool last = i + 4 == text.size();
    const std::size_t padding = !last || group[3] != '=' ? 0 : group[2] != '=' ? 1 : 2;
    unsigned bits = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const std::size_t value = j < 4 - padding ? alphabet.find(group[j]) : 0;
      if (value == alphabet.npos) return std::nullopt;
      bits = bits << 6 | static_cast<unsigned>(value);
    }
    // Bits that no byte takes must be zero, so that every text has one meaning and back.
    if ((bits & ((1U << 8 * padding) - 1)) != 0) return std::nullopt;
    for (std::size_t j = 0; j < 3 - padding; ++j) {
      result += static_cast<char>(bits >> (16 - 8 * j) & 0xff);
    }
  }
  return result;
}

}  // namespace vmkit::oci
