// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <vmkit/base/block_device.hpp>

namespace vmkit::rootfs {

/// A device on which the superblock comes last: writes to the first block stay in memory until
/// finish(). What is made on it in several commits is not mountable before.
class HeldSuperblock final : public BlockDevice {
 public:
  /// What the first block has is taken for zeros. `device` must outlive the object.
  explicit HeldSuperblock(BlockDevice& device) : device_(device) {}

  /// Flushes all else, writes the first block and flushes that.
  void finish();

  ByteSize size() const override { return device_.size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> buffer) override;
  void write_at(std::uint64_t offset, std::span<const std::byte> data) override;
  void discard(std::uint64_t offset, std::uint64_t length) override;
  void resize(ByteSize size) override { device_.resize(size); }
  void flush() override { device_.flush(); }

 private:
  /// The part of `length` bytes at `offset` that lies in the first block.
  std::size_t held(std::uint64_t offset, std::uint64_t length) const;

  BlockDevice& device_;
  std::array<std::byte, 4096> first_block_{};
};

}  // namespace vmkit::rootfs
