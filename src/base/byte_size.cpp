// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <limits>

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit {
namespace {

[[noreturn]] void fail(std::string_view text) {
  throw Error(Errc::invalid_argument, "size \"" + std::string(text) +
                                          "\": expected a number with an optional unit K, M, G or "
                                          "T, for example 512M or 4GiB, below 16 EiB");
}

/// The power of two of a unit, or -1.
int shift_of_unit(std::string_view unit) {
  if (unit.empty() || unit == "b" || unit == "B") return 0;
  const std::string_view rest = unit.substr(1);
  if (!rest.empty() && rest != "b" && rest != "B" && rest != "iB" && rest != "ib") return -1;
  switch (unit.front()) {
    case 'k':
    case 'K':
      return 10;
    case 'm':
    case 'M':
      return 20;
    case 'g':
    case 'G':
      return 30;
    case 't':
    case 'T':
      return 40;
    default:
      return -1;
  }
}

}  // namespace

ByteSize ByteSize::parse(std::string_view text) {
  // Integer arithmetic on whole and fraction: libc++ long had no from_chars for double.
  const char* const end = text.data() + text.size();
  std::uint64_t whole = 0;
  auto [next, error] = std::from_chars(text.data(), end, whole);
  if (error != std::errc{}) fail(text);
  std::uint64_t fraction = 0;
  std::uint64_t fraction_scale = 1;
  if (next != end && *next == '.') {
    const char* const digits = ++next;
    auto [after, fraction_error] = std::from_chars(digits, end, fraction);
    if (fraction_error != std::errc{} || after - digits > 6) fail(text);
    for (; next != after; ++next) fraction_scale *= 10;
  }
  while (next != end && *next == ' ') ++next;
  const int shift = shift_of_unit(std::string_view(next, static_cast<std::size_t>(end - next)));
  if (shift < 0 || whole > (std::numeric_limits<std::uint64_t>::max() >> shift)) fail(text);
  if (shift == 0 && fraction != 0) fail(text);  // there is no half byte
  const std::uint64_t part = (fraction << shift) / fraction_scale;
  const std::uint64_t base = whole << shift;
  if (part > std::numeric_limits<std::uint64_t>::max() - base) fail(text);
  return ByteSize(base + part);
}

std::string to_string(ByteSize size) {
  static constexpr std::array<const char*, 7> units = {"B",   "KiB", "MiB", "GiB",
                                                       "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  std::uint64_t value = size.bytes();
  std::uint64_t below = 0;  // what was shifted out, in 1024ths of the unit
  while (value >= 1024) {
    below = value & 1023;
    value >>= 10;
    ++unit;
  }
  std::string text = std::to_string(value);
  if (const std::uint64_t tenth = below * 10 / 1024; tenth != 0 && value < 100) {
    text += '.';
    text += static_cast<char>('0' + tenth);
  }
  return text + ' ' + units[unit];
}

}  // namespace vmkit
