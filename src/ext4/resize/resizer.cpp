// SPDX-License-Identifier: Apache-2.0
#include "ext4/resize/resizer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "ext4/commit/update.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/features.hpp"
#include "ext4/format/group_descriptor.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/resize/evacuation.hpp"
#include "ext4/resize/shape.hpp"
#include "ext4/tree/open_checks.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {

Resizer::Resizer(State& state, CommitMode mode, const CallOptions& options)
    : state_(state), mode_(mode), options_(options) {}

void Resizer::check() const {
  options_.check("resizing an ext4 image");
}

void Resizer::commit() {
  Update update(state_, mode_, options_);
  update.check_room();
  update.run();
}

void Resizer::commit(Image after, std::vector<std::uint32_t> groups) {
  Update update(state_, mode_, options_, std::move(after), std::move(groups));
  update.check_room();
  update.run();
}

void Resizer::check_size(ByteSize size) const {
  if (size < 1_MiB || size > 16_TiB) {
    throw Error(Errc::invalid_argument, "ext4 image of " + std::to_string(size.bytes()) +
                                            " bytes: expected 1 MiB to 16 TiB");
  }
  reshaped(*state_.image, size);
}

void Resizer::run(ByteSize size) {
  commit();
  Image after = reshaped(*state_.image, size);
  const std::uint64_t blocks = state_.image->volume.blocks;
  if (after.volume.blocks != blocks) {
    drop_resize_inode();
    after = reshaped(*state_.image, size);
  }
  if (after.volume.blocks > blocks) {
    grow(std::move(after), size);
  } else if (after.volume.blocks < blocks) {
    shrink(std::move(after), size);
  }
  if (state_.device.size() != size) state_.device.resize(size);
  if (mode_ == CommitMode::atomic) state_.device.flush();
}

/// Blocks that were kept for more descriptors become free: whoever resizes without a mounted
/// kernel needs none.
void Resizer::drop_resize_inode() {
  const Image& image = *state_.image;
  if (!image.volume.has_compat(compat::resize_inode)) return;
  const Volume& volume = image.volume;
  BlockSource source(state_.device, volume);
  std::array<std::byte, largest_block> record;
  const InodeRecord inode = read_inode(source, resize_ino, record);
  BlockRanges owned;
  walk_file(
      source, inode, 0,
      [&](const MappedBlocks& mapped) {
        owned.insert({mapped.physical, mapped.length});
        return true;
      },
      [&](std::uint64_t block) {
        owned.insert({block, 1});
      });
  Image after = image;
  after.volume.features.compat &= ~compat::resize_inode;
  store_le(&after.superblock[0x5c], after.volume.features.compat);
  store_le(&after.superblock[0xce], std::uint16_t{0});
  for (std::uint32_t group = 0; group < volume.groups; ++group) {
    const std::uint32_t before = group_base_blocks(volume, image.superblock, group);
    const std::uint32_t base = group_base_blocks(after.volume, after.superblock, group);
    owned.insert({volume.group_first_block(group) + base, before - base});
  }
  for (const auto& [start, length] : owned.map()) state_.space.release({start, length});
  commit(std::move(after), {});
}

void Resizer::evacuate(const BlockRanges& zones, std::uint32_t groups) {
  const auto check_stop = [this] { check(); };
  Evacuation(state_, zones, check_stop).move_content();
  commit();
  Image after = *state_.image;
  Evacuation(state_, zones, check_stop).move_group_metadata(after, groups);
  if (after.descriptors != state_.image->descriptors) commit(std::move(after), {});
}

void Resizer::check_evacuated(const BlockRanges& zones, std::uint64_t blocks) const {
  std::uint64_t free = 0;
  for (const auto& [start, length] : zones.map()) {
    free += state_.space.free().count({start, length});
  }
  if (free == blocks) return;
  throw Error(Errc::unsupported, "ext4 image cannot be resized: " + std::to_string(blocks - free) +
                                     " blocks in the way belong to nothing that is known; run "
                                     "e2fsck on it first");
}

void Resizer::grow(Image after, ByteSize size) {
  const Volume before = state_.image->volume;
  BlockRanges zones;
  for (std::uint32_t group = 0; group < before.groups; ++group) {
    const std::uint32_t base = group_base_blocks(before, state_.image->superblock, group);
    const std::uint32_t more = group_base_blocks(after.volume, after.superblock, group);
    if (more > base) zones.insert({before.group_first_block(group) + base, more - base});
  }
  if (!zones.map().empty()) {
    for (const auto& [start, length] : zones.map()) {
      if (start + length > before.blocks) {
        throw Error(Errc::unsupported,
                    "ext4 image cannot be resized: its last group is too short for the "
                    "descriptors of so many groups");
      }
    }
    state_.space.keep_out(zones);
    evacuate(zones, before.groups);
    std::uint64_t blocks = 0;
    for (const auto& [start, length] : zones.map()) blocks += length;
    check_evacuated(zones, blocks);
    after = reshaped(*state_.image, size);
  }
  // What is new reads as zeros.
  const std::uint64_t old_end = before.blocks * block_size;
  const std::uint64_t device_end = state_.device.size().bytes();
  if (device_end > old_end) state_.device.discard(old_end, device_end - old_end);
  if (state_.device.size() < size) state_.device.resize(size);
  state_.space.set_size(size, after.volume.blocks);
  for (const auto& [start, length] : zones.map()) state_.space.reserve({start, length});
  for (std::uint32_t group = before.groups; group < after.volume.groups; ++group) {
    add_group(after, group);
  }
  // The groups in whose bitmaps something changes that nobody allocates.
  std::vector<std::uint32_t> groups = {before.groups - 1};
  if (after.volume.groups > before.groups) groups.push_back(after.volume.groups - 1);
  commit(std::move(after), std::move(groups));
  write_backups();
}

/// Bitmaps and inode table of a new group stand in it, behind the copy of the superblock.
void Resizer::add_group(Image& after, std::uint32_t group) {
  const Volume& volume = after.volume;
  const std::uint64_t first = volume.group_first_block(group);
  const std::uint64_t end = std::min<std::uint64_t>(first + volume.blocks_per_group, volume.blocks);
  const std::uint32_t table = volume.inodes_per_group / inodes_per_block;
  const std::uint32_t base = group_base_blocks(volume, after.superblock, group);
  GroupDescriptor facts;
  facts.block_bitmap = first + base;
  facts.inode_bitmap = facts.block_bitmap + 1;
  facts.inode_table = facts.inode_bitmap + 1;
  facts.free_blocks = static_cast<std::uint32_t>(end - facts.inode_table - table);
  facts.free_inodes = volume.inodes_per_group;
  facts.unused_inodes = volume.inodes_per_group;
  facts.block_bitmap_written = false;
  facts.inode_bitmap_written = false;
  const auto descriptor = after.descriptor(group);
  std::fill(descriptor.begin(), descriptor.end(), std::byte{0});
  place_descriptor(descriptor, facts);
  mark_table_zeroed(descriptor);
  update_descriptor(descriptor, facts, group, state_.seed);
  state_.space.exclude({first, base + 2 + std::uint64_t{table}});
}

void Resizer::renumber(std::uint32_t inodes) {
  std::map<std::uint32_t, std::uint32_t> numbers;
  const std::uint32_t orphan_file = orphan_file_of(*state_.image);
  std::vector<std::uint32_t> above;
  state_.nodes.for_each_slot([&](std::uint32_t ino, Node& node) {
    if (node.used && ino > inodes) above.push_back(ino);
  });
  for (const std::uint32_t ino : above) {
    check();
    if (state_.nodes.next() > inodes || ino == orphan_file ||
        ino == state_.image->volume.journal_ino) {
      throw Error(Errc::resource_exhausted,
                  "ext4 image cannot be resized: it has more inodes in use than the " +
                      std::to_string(inodes) + " that there would be; it can be larger");
    }
    numbers[ino] = state_.renumber(ino);
  }
  if (numbers.empty()) return;
  state_.nodes.for_each_slot([&](std::uint32_t ino, Node& node) {
    if (!node.used || node.type != FileType::directory) return;
    Directory& directory = *std::get<std::unique_ptr<Directory>>(node.content);
    std::vector<std::pair<std::string, std::uint32_t>> renamed;
    directory.names.for_each([&](const NameIndex::Entry& entry) {
      const auto found = numbers.find(entry.ino);
      if (found != numbers.end()) renamed.emplace_back(entry.name(), found->second);
    });
    const auto parent = numbers.find(directory.parent);
    if (renamed.empty() && parent == numbers.end()) return;
    state_.change_content(ino);
    for (const auto& [name, number] : renamed) directory.names.set_ino(name, number);
    if (parent != numbers.end()) directory.parent = parent->second;
  });
}

/// How many blocks from `blocks` on belong to groups from `groups` on themselves.
std::uint64_t Resizer::metadata_behind(std::uint64_t blocks, std::uint32_t groups) {
  Image& image = *state_.image;
  const Volume& volume = image.volume;
  std::uint64_t count = 0;
  for (std::uint32_t group = groups; group < volume.groups; ++group) {
    const GroupDescriptor facts = decode_descriptor(volume, group, image.descriptor(group));
    count += group_base_blocks(volume, image.superblock, group);
    count += facts.block_bitmap >= blocks ? 1 : 0;
    count += facts.inode_bitmap >= blocks ? 1 : 0;
    const std::uint64_t table_end = facts.inode_table + volume.inodes_per_group / inodes_per_block;
    if (table_end > blocks) count += table_end - std::max(facts.inode_table, blocks);
  }
  return count;
}

void Resizer::shrink(Image after, ByteSize size) {
  const Volume before = state_.image->volume;
  const std::uint64_t blocks = after.volume.blocks;
  const std::uint32_t groups = after.volume.groups;
  BlockRanges zones;
  zones.insert({blocks, before.blocks - blocks});
  state_.space.keep_out(zones);
  renumber(after.volume.inodes);
  evacuate(zones, groups);
  check_evacuated(zones, before.blocks - blocks - metadata_behind(blocks, groups));
  after = reshaped(*state_.image, size);
  for (std::uint32_t group = 0; group < before.groups; ++group) {
    const std::uint64_t first = before.group_first_block(group);
    const std::uint32_t base = group_base_blocks(before, state_.image->superblock, group);
    if (group < groups) {
      const std::uint32_t less = group_base_blocks(after.volume, after.superblock, group);
      if (less < base) state_.space.release({first + less, base - less});
      continue;
    }
    const GroupDescriptor facts = decode_descriptor(before, group, state_.image->descriptor(group));
    state_.space.release({facts.block_bitmap, 1});
    state_.space.release({facts.inode_bitmap, 1});
    state_.space.release({facts.inode_table, before.inodes_per_group / inodes_per_block});
  }
  state_.space.set_size(size, blocks);
  commit(std::move(after), {groups - 1});
  write_backups();
}

/// As resize2fs does: they matter to those only who repair an image.
void Resizer::write_backups() {
  Image& image = *state_.image;
  const Volume& volume = image.volume;
  std::array<std::byte, superblock_size> superblock = image.superblock;
  const std::uint32_t in_block = block_size / volume.descriptor_size;
  const bool meta = volume.has_incompat(incompat::meta_bg);
  const std::size_t plain = std::min<std::size_t>(
      image.descriptors.size(),
      meta ? std::size_t{volume.first_meta_group} * block_size : image.descriptors.size());
  std::array<std::byte, block_size> block{};
  for (std::uint32_t group = 1; group < volume.groups; ++group) {
    const std::uint64_t first = volume.group_first_block(group);
    const bool copy = has_superblock(volume, group);
    if (copy) {
      address_superblock(superblock, group);
      std::memcpy(block.data(), superblock.data(), superblock.size());
      state_.output.write(first * block_size, block);
    }
    if (copy && (!meta || group / in_block < volume.first_meta_group)) {
      state_.output.write((first + 1) * block_size, std::span(image.descriptors).first(plain));
    }
    if (!meta || group / in_block < volume.first_meta_group) continue;
    const std::uint32_t index = group % in_block;
    if (index == 1 || index + 1 == in_block) {
      state_.output.write((first + (copy ? 1 : 0)) * block_size,
                          std::span(image.descriptors)
                              .subspan(std::size_t{group / in_block} * block_size, block_size));
    }
  }
  state_.output.flush();
}

}  // namespace vmkit::ext4
