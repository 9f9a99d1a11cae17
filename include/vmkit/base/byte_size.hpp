// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace vmkit {

/// A number of bytes. Made by the literals (`4_GiB`), so that no bare integer hides its unit.
class ByteSize {
 public:
  constexpr ByteSize() = default;
  constexpr explicit ByteSize(std::uint64_t bytes) : bytes_(bytes) {}

  /// Reads "4GiB", "512M", "1.5G", "4096": K, M, G and T are powers of 1024, with or without "iB"
  /// or "B", in either case; a bare number is bytes. Throws invalid_argument.
  static ByteSize parse(std::string_view text);

  constexpr std::uint64_t bytes() const { return bytes_; }

  friend constexpr auto operator<=>(ByteSize, ByteSize) = default;
  friend constexpr ByteSize operator+(ByteSize a, ByteSize b) {
    return ByteSize(a.bytes_ + b.bytes_);
  }

 private:
  std::uint64_t bytes_ = 0;
};

/// For people: "512 B", "1.5 MiB", "64 GiB".
std::string to_string(ByteSize size);

inline namespace literals {
constexpr ByteSize operator""_B(unsigned long long n) {
  return ByteSize(n);
}
constexpr ByteSize operator""_KiB(unsigned long long n) {
  return ByteSize(n << 10);
}
constexpr ByteSize operator""_MiB(unsigned long long n) {
  return ByteSize(n << 20);
}
constexpr ByteSize operator""_GiB(unsigned long long n) {
  return ByteSize(n << 30);
}
constexpr ByteSize operator""_TiB(unsigned long long n) {
  return ByteSize(n << 40);
}
}  // namespace literals

}  // namespace vmkit
