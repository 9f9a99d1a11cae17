// SPDX-License-Identifier: Apache-2.0
#include "agent/random_hex.hpp"

#include <random>

namespace vmkit::agent {

std::string random_hex(std::size_t bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::random_device random;
  std::string hex;
  for (std::size_t i = 0; i < bytes; ++i) {
    const unsigned value = random();
    hex += digits[value >> 4 & 0xf];
    hex += digits[value & 0xf];
  }
  return hex;
}

}  // namespace vmkit::agent
