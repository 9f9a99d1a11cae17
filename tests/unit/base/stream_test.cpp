// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <string>

#include <vmkit/base/stream.hpp>

using namespace vmkit;

namespace {
/// Gives its text three bytes at a time.
struct Dripping : Source {
  std::string text;
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({buffer.size(), text.size(), std::size_t{3}});
    std::copy_n(reinterpret_cast<const std::byte*>(text.data()), count, buffer.begin());
    text.erase(0, count);
    return count;
  }
};
}  // namespace

TEST_CASE("stream: read_full goes on over short reads and stops at the end") {
  Dripping source;
  source.text = "0123456789";
  std::array<std::byte, 7> seven;
  CHECK(read_full(source, seven) == 7);
  CHECK(seven[6] == std::byte{'6'});
  CHECK(read_full(source, seven) == 3);
  CHECK(read_full(source, seven) == 0);
}
