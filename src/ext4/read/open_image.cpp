// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/open_image.hpp"

#include <array>

#include "ext4/read/corrupt.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

Volume read_volume(BlockDevice& device) {
  std::array<std::byte, superblock_size> bytes;
  if (device.size().bytes() < superblock_offset + superblock_size) {
    throw_corrupt({}, "a device of " + to_string(device.size()) + " is too small for an image");
  }
  device.read_at(superblock_offset, bytes);
  return decode_superblock(bytes, device.size());
}

}  // namespace

OpenImage::OpenImage(BlockDevice& device, JournalPolicy policy)
    : device_(device), volume_(read_volume(device)) {
  if (!volume_.has_incompat(incompat::needs_recovery)) return;
  (void)policy;
  throw Error(Errc::unsupported, "ext4 image with a journal to replay");
}

}  // namespace vmkit::ext4
