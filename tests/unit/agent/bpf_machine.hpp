// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>

namespace vmkit::test {

/// What a filter of system calls is given: struct seccomp_data.
struct SystemCallData {
  std::uint32_t number = 0;
  std::uint32_t architecture = 0;
  std::uint64_t instruction_pointer = 0;
  std::array<std::uint64_t, 6> arguments{};
};

/// Runs a filter as the kernel would. Throws for anything that the kernel would not have loaded.
inline std::uint32_t run_filter(std::span<const std::byte> program, const SystemCallData& data) {
  struct Instruction {
    std::uint16_t code;
    std::uint8_t if_true;
    std::uint8_t if_false;
    std::uint32_t value;
  };
  static_assert(sizeof(Instruction) == 8 && sizeof(SystemCallData) == 64);
  std::uint32_t a = 0;
  for (std::size_t at = 0; (at + 1) * 8 <= program.size(); ++at) {
    Instruction i;
    std::memcpy(&i, program.data() + at * 8, 8);
    switch (i.code) {
      case 0x20:  // ld [k]
        if (i.value > 60 || i.value % 4 != 0) throw std::runtime_error("load");
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.value, 4);
        break;
      case 0x54:
        a &= i.value;
        break;
      case 0x05:
        at += i.value;
        break;
      case 0x15:
        at += a == i.value ? i.if_true : i.if_false;
        break;
      case 0x25:
        at += a > i.value ? i.if_true : i.if_false;
        break;
      case 0x35:
        at += a >= i.value ? i.if_true : i.if_false;
        break;
      case 0x45:
        at += (a & i.value) != 0 ? i.if_true : i.if_false;
        break;
      case 0x06:
        return i.value;
      default:
        throw std::runtime_error("unknown instruction");
    }
  }
  throw std::runtime_error("ran past the end");
}

}  // namespace vmkit::test
