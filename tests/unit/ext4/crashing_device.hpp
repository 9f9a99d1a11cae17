// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "support/memory_block_device.hpp"

namespace vmkit::ext4::test {

/// A BlockDevice in memory whose host may crash: of what was written since the last flush any part
/// may be lost, in aligned units of 4 KiB.
class CrashingDevice : public vmkit::test::MemoryBlockDevice {
 public:
  void flush() override {
    MemoryBlockDevice::flush();
    durable_ = bytes();
  }

  /// The bytes after a crash; `seed` decides which parts are lost.
  std::vector<std::byte> after_crash(unsigned seed) const {
    constexpr std::ptrdiff_t unit = 4096;
    std::vector<std::byte> left = bytes();
    std::mt19937 random(seed);
    const auto end = static_cast<std::ptrdiff_t>(std::min(left.size(), durable_.size()));
    for (std::ptrdiff_t at = 0; at + unit <= end; at += unit) {
      const auto before = durable_.begin() + at;
      if (std::equal(before, before + unit, left.begin() + at) || random() % 2 == 0) continue;
      std::copy(before, before + unit, left.begin() + at);
    }
    return left;
  }

 private:
  std::vector<std::byte> durable_;
};

/// Gives `device` these bytes, zeros as holes.
inline void fill(BlockDevice& device, std::span<const std::byte> bytes) {
  constexpr std::uint64_t unit = 4096;
  static constexpr std::array<std::byte, unit> zeros{};
  device.resize(ByteSize(bytes.size()));
  for (std::uint64_t at = 0; at < bytes.size(); at += unit) {
    const auto part = bytes.subspan(at, std::min<std::uint64_t>(unit, bytes.size() - at));
    if (std::memcmp(part.data(), zeros.data(), part.size()) != 0) device.write_at(at, part);
  }
}

}  // namespace vmkit::ext4::test
