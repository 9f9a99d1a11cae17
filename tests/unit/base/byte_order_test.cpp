// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <doctest/doctest.h>

#include <vmkit/base/byte_order.hpp>

using namespace vmkit;

TEST_CASE("byte order: little and big endian round trips at odd addresses") {
  std::array<std::byte, 12> raw{};
  store_le<std::uint32_t>(raw.data() + 1, 0x01020304);
  CHECK(raw[1] == std::byte{4});
  CHECK(raw[4] == std::byte{1});
  CHECK(load_le<std::uint32_t>(raw.data() + 1) == 0x01020304);
  CHECK(load_be<std::uint32_t>(raw.data() + 1) == 0x04030201);
  store_be<std::uint64_t>(raw.data() + 3, 0x0102030405060708);
  CHECK(raw[3] == std::byte{1});
  CHECK(load_be<std::uint64_t>(raw.data() + 3) == 0x0102030405060708);
  store_be<std::uint16_t>(raw.data(), 0xabcd);
  CHECK(raw[0] == std::byte{0xab});
  store_be<std::uint8_t>(raw.data(), 0x7f);
  CHECK(load_be<std::uint8_t>(raw.data()) == 0x7f);
}
