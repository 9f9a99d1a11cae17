// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>

#include "ext4/read/journal_log.hpp"
#include "ext4/read/open_image.hpp"
#include "ext4/tree/loader.hpp"
#include "ext4/tree/open_checks.hpp"

namespace vmkit::ext4 {
namespace {

using BitmapBlock = std::array<std::byte, block_size>;

void add_free_runs(BlockRanges& free, std::span<const std::byte> bitmap, std::uint64_t first,
                   std::uint64_t count) {
  std::uint64_t at = 0;
  while (at < count) {
    const auto byte = std::to_integer<unsigned>(bitmap[at / 8]);
    if (at % 8 == 0 && byte == 0xff) {
      at += 8;
      continue;
    }
    if ((byte >> (at % 8) & 1) != 0) {
      ++at;
      continue;
    }
    const std::uint64_t start = at;
    while (at < count) {
      const auto next = std::to_integer<unsigned>(bitmap[at / 8]);
      if (at % 8 == 0 && next == 0) {
        at += 8;
      } else if ((next >> (at % 8) & 1) == 0) {
        ++at;
      } else {
        break;
      }
    }
    free.insert({first + start, std::min(at, count) - start});
  }
}

}  // namespace

Image load_image(BlockDevice& device) {
  check_editable(read_volume(device));
  recover_journal(device);
  Image image;
  image.volume = read_volume(device);
  device.read_at(superblock_offset, image.superblock);
  check_editable(image.volume);
  check_clean(image.superblock);
  const Volume& volume = image.volume;
  const std::uint32_t in_block = block_size / volume.descriptor_size;
  image.descriptors.resize(ceil_div(volume.groups, in_block) * block_size);
  for (std::uint32_t group = 0; group < volume.groups; group += in_block) {
    const std::uint64_t block = descriptor_block(volume, group);
    device.read_at(block * block_size,
                   std::span(image.descriptors)
                       .subspan(std::size_t{group / in_block} * block_size, block_size));
  }
  return image;
}

BlockRanges load_free_blocks(BlockDevice& device, Image& image) {
  const Volume& volume = image.volume;
  BlockRanges free;
  BitmapBlock bitmap;
  for (std::uint32_t group = 0; group < volume.groups; ++group) {
    const GroupDescriptor facts = decode_descriptor(volume, group, image.descriptor(group));
    const std::uint64_t first = volume.group_first_block(group);
    const std::uint64_t count =
        std::min<std::uint64_t>(volume.blocks - first, volume.blocks_per_group);
    if (facts.block_bitmap_written) {
      device.read_at(facts.block_bitmap * block_size, bitmap);
      check_block_bitmap(volume, group, facts, bitmap);
      add_free_runs(free, bitmap, first, count);
      continue;
    }
    // All but what belongs to the group itself, as far as it stands in it.
    const std::uint64_t base = group_base_blocks(volume, image.superblock, group);
    if (base < count) free.insert({first + base, count - base});
    free.erase({facts.block_bitmap, 1});
    free.erase({facts.inode_bitmap, 1});
    free.erase({facts.inode_table, volume.inodes_per_group / inodes_per_block});
  }
  return free;
}

}  // namespace vmkit::ext4
