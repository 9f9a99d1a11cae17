// SPDX-License-Identifier: Apache-2.0
#include "ext4/resize/shape.hpp"

#include <algorithm>

#include "ext4/tree/open_checks.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

/// As in a new image.
constexpr std::uint32_t least_useful_rest = 50;

void set_blocks(Image& image, std::uint64_t blocks) {
  Volume& volume = image.volume;
  volume.blocks = blocks;
  volume.groups = static_cast<std::uint32_t>(ceil_div(blocks, blocks_per_group));
  volume.inodes = volume.groups * volume.inodes_per_group;
}

}  // namespace

Image reshaped(const Image& image, ByteSize size) {
  Image after = image;
  Volume& volume = after.volume;
  const std::uint64_t most_groups = ~std::uint32_t{0} / volume.inodes_per_group;
  set_blocks(after, std::min(size.bytes() / block_size, most_groups * blocks_per_group));
  for (;;) {
    const std::uint32_t last = volume.groups - 1;
    const std::uint64_t rest = volume.blocks - volume.group_first_block(last);
    const std::uint64_t needed = group_base_blocks(volume, after.superblock, last) + 2 +
                                 volume.inodes_per_group / inodes_per_block + least_useful_rest;
    // A group that is there already may stay as short as it is.
    if (rest >= needed || volume.blocks == image.volume.blocks) break;
    if (last == 0) {
      throw Error(Errc::resource_exhausted,
                  "ext4 image of " + to_string(size) + ": too small for the metadata of one group");
    }
    set_blocks(after, volume.group_first_block(last));
  }
  const std::uint32_t in_block = block_size / volume.descriptor_size;
  after.descriptors.resize(ceil_div(volume.groups, in_block) * block_size);
  const std::size_t used = std::size_t{volume.groups} * volume.descriptor_size;
  std::fill(after.descriptors.begin() + static_cast<std::ptrdiff_t>(used), after.descriptors.end(),
            std::byte{0});
  const auto put = [&](std::size_t at, std::uint64_t value) {
    store_le(&after.superblock[at], static_cast<std::uint32_t>(value));
  };
  const bool wide = volume.has_incompat(incompat::has_64bit);
  const auto get_wide = [&](std::size_t low, std::size_t high) {
    return load_le<std::uint32_t>(&after.superblock[low]) |
           (wide ? std::uint64_t{load_le<std::uint32_t>(&after.superblock[high])} << 32 : 0);
  };
  const std::uint64_t reserved = get_wide(0x08, 0x154);
  const auto scaled = static_cast<std::uint64_t>(static_cast<double>(reserved) *
                                                 static_cast<double>(volume.blocks) /
                                                 static_cast<double>(image.volume.blocks));
  put(0x00, volume.inodes);
  put(0x04, volume.blocks);
  put(0x08, scaled);
  if (wide) {
    put(0x150, volume.blocks >> 32);
    put(0x154, scaled >> 32);
  }
  put(0x248, 0);  // what all metadata takes: whoever mounts counts it
  return after;
}

}  // namespace vmkit::ext4
