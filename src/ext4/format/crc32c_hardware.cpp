// SPDX-License-Identifier: Apache-2.0
// One source for all processors, so that a build for several at once (macOS) works too.
#include <cstring>

#include "ext4/format/crc32c.hpp"

#if defined(__x86_64__)
#include <nmmintrin.h>
// Two features: a compiler told "-mno-crc32" has sse4.2 without the instruction.
#define VMKIT_CRC_TARGET __attribute__((target("sse4.2,crc32")))
#elif defined(__aarch64__) && defined(__clang__)
#define VMKIT_CRC_TARGET __attribute__((target("crc")))
#elif defined(__aarch64__)
#define VMKIT_CRC_TARGET __attribute__((target("+crc")))
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace vmkit::ext4 {

#if defined(VMKIT_CRC_TARGET)
namespace {

#if defined(__x86_64__)
VMKIT_CRC_TARGET std::uint32_t step8(std::uint32_t crc, std::uint64_t word) {
  return static_cast<std::uint32_t>(_mm_crc32_u64(crc, word));
}
VMKIT_CRC_TARGET std::uint32_t step1(std::uint32_t crc, std::uint8_t byte) {
  return _mm_crc32_u8(crc, byte);
}
bool supported() {
  return __builtin_cpu_supports("sse4.2");
}
#else
#if defined(__clang__)
VMKIT_CRC_TARGET std::uint32_t step8(std::uint32_t crc, std::uint64_t word) {
  return __builtin_arm_crc32cd(crc, word);
}
VMKIT_CRC_TARGET std::uint32_t step1(std::uint32_t crc, std::uint8_t byte) {
  return __builtin_arm_crc32cb(crc, byte);
}
#else
VMKIT_CRC_TARGET std::uint32_t step8(std::uint32_t crc, std::uint64_t word) {
  return __builtin_aarch64_crc32cx(crc, word);
}
VMKIT_CRC_TARGET std::uint32_t step1(std::uint32_t crc, std::uint8_t byte) {
  return __builtin_aarch64_crc32cb(crc, byte);
}
#endif
#if defined(__linux__)
bool supported() {
  constexpr unsigned long hwcap_crc32 = 1UL << 7;
  return (getauxval(AT_HWCAP) & hwcap_crc32) != 0;
}
#else
bool supported() {
  return true;
}  // every arm64 Mac
#endif
#endif

VMKIT_CRC_TARGET std::uint32_t with_instruction(std::uint32_t crc,
                                                std::span<const std::byte> data) {
  const std::byte* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    crc = step8(crc, word);
  }
  for (; left > 0; --left, ++at) crc = step1(crc, std::to_integer<std::uint8_t>(*at));
  return crc;
}

}  // namespace

Crc32cFunction crc32c_hardware() {
  return supported() ? with_instruction : nullptr;
}

#else
Crc32cFunction crc32c_hardware() {
  return nullptr;
}
#endif

}  // namespace vmkit::ext4
