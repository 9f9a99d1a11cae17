// SPDX-License-Identifier: Apache-2.0
#include "rootfs/held_superblock.hpp"

#include <algorithm>

namespace vmkit::rootfs {

std::size_t HeldSuperblock::held(std::uint64_t offset, std::uint64_t length) const {
  if (offset >= first_block_.size()) return 0;
  return static_cast<std::size_t>(std::min(length, first_block_.size() - offset));
}

void HeldSuperblock::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
  const std::size_t count = held(offset, buffer.size());
  if (count > 0) std::copy_n(first_block_.begin() + offset, count, buffer.begin());
  if (count < buffer.size()) device_.read_at(offset + count, buffer.subspan(count));
}

void HeldSuperblock::write_at(std::uint64_t offset, std::span<const std::byte> data) {
  const std::size_t count = held(offset, data.size());
  if (count > 0) std::copy_n(data.begin(), count, first_block_.begin() + offset);
  if (count < data.size()) device_.write_at(offset + count, data.subspan(count));
}

void HeldSuperblock::discard(std::uint64_t offset, std::uint64_t length) {
  const std::size_t count = held(offset, length);
  if (count > 0) std::fill_n(first_block_.begin() + offset, count, std::byte{0});
  device_.discard(offset, length);
}

void HeldSuperblock::finish() {
  device_.flush();
  device_.write_at(0, first_block_);
  device_.flush();
}

}  // namespace vmkit::rootfs
