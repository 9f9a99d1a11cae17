// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/block_source.hpp"

#include <cstring>

#include "ext4/read/corrupt.hpp"

namespace vmkit::ext4 {

BlockSource::BlockSource(BlockDevice& device, const Volume& volume)
    : device_(device), volume_(volume) {}

std::span<const std::byte> BlockSource::fetch(std::uint64_t number) {
  if (number == 0 || number >= volume_.blocks) {
    throw_corrupt({0, number},
                  "metadata beyond the image's " + std::to_string(volume_.blocks) + " blocks");
  }
  Slot& slot = slots_[number % slots_.size()];
  if (slot.number != number) {
    slot.number = 0;
    slot.data.resize(volume_.block_size);
    device_.read_at(number * volume_.block_size, slot.data);
    slot.number = number;
  }
  return slot.data;
}

void BlockSource::read(std::uint64_t number, std::span<std::byte> buffer) {
  std::memcpy(buffer.data(), fetch(number).data(), volume_.block_size);
}

void BlockSource::read(std::uint64_t number, std::size_t offset, std::span<std::byte> buffer) {
  std::memcpy(buffer.data(), fetch(number).data() + offset, buffer.size());
}

}  // namespace vmkit::ext4
