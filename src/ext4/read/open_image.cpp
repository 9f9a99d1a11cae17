// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/open_image.hpp"

#include <array>

#include "ext4/read/corrupt.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {

Volume read_volume(BlockDevice& device) {
  std::array<std::byte, superblock_size> bytes;
  if (device.size().bytes() < superblock_offset + superblock_size) {
    throw_corrupt({}, "a device of " + to_string(device.size()) + " is too small for an image");
  }
  device.read_at(superblock_offset, bytes);
  return decode_superblock(bytes, device.size());
}

OpenImage::OpenImage(BlockDevice& device, JournalPolicy policy)
    : device_(device), volume_(read_volume(device)) {
  if (!volume_.has_incompat(incompat::needs_recovery)) return;
  if (policy == JournalPolicy::refuse) {
    throw Error(
        Errc::failed_precondition,
        "ext4 image that was in use when its machine ended: its journal has to be replayed");
  }
  BlockSource source(device, volume_);
  JournalContent journal = read_journal(source);
  replayed_ =
      std::make_unique<ReplayedDevice>(device, volume_.block_size, std::move(journal.blocks));
  volume_ = read_volume(*replayed_);
}

}  // namespace vmkit::ext4
