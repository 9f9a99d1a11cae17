// SPDX-License-Identifier: Apache-2.0
#include "agent/preamble.hpp"

#include <algorithm>
#include <cstring>

#include <vmkit/base/byte_order.hpp>

namespace vmkit::agent {
namespace {

// Magic (8), version (4), kind (1), zero (3), nonce (16).
constexpr char magic[] = "vmkitctl";
constexpr std::size_t magic_size = 8;
constexpr std::size_t version_at = 8;
constexpr std::size_t kind_at = 12;
constexpr std::size_t nonce_at = 16;

}  // namespace

std::array<std::byte, Preamble::size> Preamble::encode() const {
  std::array<std::byte, size> bytes{};
  std::memcpy(bytes.data(), magic, magic_size);
  store_be<std::uint32_t>(&bytes[version_at], version);
  bytes[kind_at] = static_cast<std::byte>(kind);
  std::copy(nonce.begin(), nonce.end(), bytes.begin() + nonce_at);
  return bytes;
}

std::optional<Preamble> PreambleScanner::scan(std::span<const std::byte>& input) {
  while (!input.empty()) {
    if (filled_ == 0) {
      const void* start = std::memchr(input.data(), magic[0], input.size());
      if (start == nullptr) {
        input = {};
        return std::nullopt;
      }
      input = input.subspan(
          static_cast<std::size_t>(static_cast<const std::byte*>(start) - input.data()));
    }
    seen_[filled_++] = input[0];
    input = input.subspan(1);
    while (!is_prefix()) {
      std::copy(seen_.begin() + 1, seen_.begin() + static_cast<std::ptrdiff_t>(filled_),
                seen_.begin());
      --filled_;
    }
    if (filled_ < Preamble::size) continue;
    filled_ = 0;
    Preamble found{kind_, load_be<std::uint32_t>(&seen_[version_at]), {}};
    std::copy(seen_.begin() + nonce_at, seen_.end(), found.nonce.begin());
    return found;
  }
  return std::nullopt;
}

bool PreambleScanner::is_prefix() const {
  if (std::memcmp(seen_.data(), magic, std::min(filled_, magic_size)) != 0) return false;
  return filled_ <= kind_at || seen_[kind_at] == static_cast<std::byte>(kind_);
}

}  // namespace vmkit::agent
