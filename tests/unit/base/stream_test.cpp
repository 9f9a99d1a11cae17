// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <string>

#include "support/errors.hpp"

#include <vmkit/base/read_to_end.hpp>
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

TEST_CASE("stream: read_to_end gives what is left, within its limit") {
  Dripping source;
  source.text = std::string(100'000, 'a') + "z";
  CHECK(read_to_end(source) == std::string(100'000, 'a') + "z");
  CHECK(read_to_end(source) == "");
  source.text = "0123456789";
  CHECK(read_to_end(source, 10_B) == "0123456789");
  source.text = "0123456789";
  test::check_error(Errc::resource_exhausted, {"9 B"}, [&] { read_to_end(source, 9_B); });
}
