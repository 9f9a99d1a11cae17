// SPDX-License-Identifier: Apache-2.0
#include "vm/subnet.hpp"

#include <charconv>
#include <optional>

namespace vmkit::vm {
namespace {

constexpr unsigned shortest = 8;
constexpr unsigned longest = 28;  // room for the guest, the gateway and a name server

/// Takes a number up to `most`, without leading zeros, and what has to follow it.
std::optional<unsigned> take(std::string_view& text, unsigned most, std::string_view end) {
  unsigned value = 0;
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto length = static_cast<std::size_t>(last - text.data());
  if (error != std::errc() || value > most || (text[0] == '0' && length > 1)) return std::nullopt;
  text.remove_prefix(length);
  if (end.empty() ? !text.empty() : text.substr(0, end.size()) != end) return std::nullopt;
  text.remove_prefix(end.size());
  return value;
}

}  // namespace

std::string Subnet::host(std::uint32_t number) const {
  const std::uint32_t address = network + number;
  std::string text;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    if (!text.empty()) text += '.';
    text += std::to_string(address >> (shift - 8) & 0xff);
  }
  return text;
}

std::variant<Subnet, std::string> parse_subnet(std::string_view text) {
  const std::string found = ", found '" + std::string(text) + "'";
  Subnet subnet;
  for (const char* end : {".", ".", ".", "/"}) {
    const auto part = take(text, 255, end);
    if (!part) return "expected an IPv4 network, as 192.168.77.0/24" + found;
    subnet.network = subnet.network << 8 | *part;
  }
  const auto length = take(text, 32, "");
  if (!length) return "expected an IPv4 network, as 192.168.77.0/24" + found;
  if (*length < shortest || *length > longest) {
    return "expected a network of " + std::to_string(shortest) + " to " + std::to_string(longest) +
           " bits" + found;
  }
  subnet.prefix_length = *length;
  if ((subnet.network & ~subnet.mask()) != 0) {
    return "expected the address of a network, without bits of a host" + found;
  }
  return subnet;
}

}  // namespace vmkit::vm
