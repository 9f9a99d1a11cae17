// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ext4/read/volume.hpp"

#include <vmkit/base/block_device.hpp>

namespace vmkit::ext4 {

/// Reads single blocks of an image's metadata and keeps those read last (128 of them), so that
/// neighbours in an inode table or a walk down the same tree again cost no I/O. Confined.
class BlockSource {
 public:
  /// Both must outlive it.
  BlockSource(BlockDevice& device, const Volume& volume);

  const Volume& volume() const { return volume_; }
  BlockDevice& device() const { return device_; }

  /// Fills `buffer`, one block long, with block `number`, which must be within the volume.
  void read(std::uint64_t number, std::span<std::byte> buffer);

  /// A part of a block, which must lie within it.
  void read(std::uint64_t number, std::size_t offset, std::span<std::byte> buffer);

 private:
  struct Slot {
    std::uint64_t number = 0;  ///< 0: empty. Block 0 itself is never read through here.
    std::vector<std::byte> data;
  };

  std::span<const std::byte> fetch(std::uint64_t number);

  BlockDevice& device_;
  const Volume& volume_;
  std::array<Slot, 128> slots_;
};

}  // namespace vmkit::ext4
