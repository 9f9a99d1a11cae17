// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <vmkit/base/block_device.hpp>

namespace vmkit::ext4 {

/// Joins small writes that follow each other on the device into large ones; large ones go straight
/// through. Reads nothing back. What a failed write held stays here and is written again by the
/// next flush(), so that an error loses nothing.
class DeviceWriter {
 public:
  explicit DeviceWriter(BlockDevice& device) : device_(device) {}

  void write(std::uint64_t offset, std::span<const std::byte> data);
  void flush();

 private:
  BlockDevice& device_;
  std::vector<std::byte> pending_;
  std::uint64_t offset_ = 0;  ///< Of pending_.
};

}  // namespace vmkit::ext4
