// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace vmkit {

namespace detail {

template <std::unsigned_integral T>
constexpr T swap_bytes(T value) {
  T result = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    result = static_cast<T>(static_cast<T>(result << (sizeof(T) > 1 ? 8 : 0)) |
                            static_cast<T>((value >> (8 * i)) & 0xff));
  }
  return result;
}

template <std::endian order, std::unsigned_integral T>
constexpr T to_order(T value) {
  return std::endian::native == order ? value : swap_bytes(value);
}

}  // namespace detail

/// Unsigned integers in on-disk (little endian) and network (big endian) order, at any alignment.
/// `at` must point to sizeof(T) bytes.
template <std::unsigned_integral T>
T load_le(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return detail::to_order<std::endian::little>(value);
}

template <std::unsigned_integral T>
void store_le(std::byte* at, T value) {
  value = detail::to_order<std::endian::little>(value);
  std::memcpy(at, &value, sizeof value);
}

template <std::unsigned_integral T>
T load_be(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return detail::to_order<std::endian::big>(value);
}

template <std::unsigned_integral T>
void store_be(std::byte* at, T value) {
  value = detail::to_order<std::endian::big>(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace vmkit
