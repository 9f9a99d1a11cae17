// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/loader.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "ext4/format/directory_blocks.hpp"
#include "ext4/format/features.hpp"
#include "ext4/format/group_descriptor.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/directory.hpp"
#include "ext4/read/file_data.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/read/xattr_area.hpp"
#include "ext4/tree/value_references.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t records_at_once = 1024;

bool bit_of(std::span<const std::byte> bitmap, std::uint32_t bit) {
  return (std::to_integer<unsigned>(bitmap[bit / 8]) >> (bit % 8) & 1) != 0;
}

}  // namespace

State::State(BlockDevice& device_in)
    : device(device_in),
      image(load_image(device_in)),
      seed(image->volume.checksum_seed),
      hasher{image->volume.hash_seed, image->volume.unsigned_hash},
      created(encode_time(superblock_created(image->superblock))),
      space(ByteSize(image->volume.blocks * block_size), image->volume.blocks,
            load_free_blocks(device_in, *image), image->volume.inodes),
      output(device) {
  BlockSource source(device, image->volume);
  Loader(*this, source).run();
}

Loader::Loader(State& state, BlockSource& source) : state_(state), source_(source) {}

void Loader::run() {
  const Volume& volume = state_.image->volume;
  for (std::uint32_t group = 0; group < volume.groups; ++group) load_group(group);
  constexpr std::uint64_t numbers = std::uint64_t{1} << 32;
  free_numbers_.insert({volume.inodes + std::uint64_t{1}, numbers - volume.inodes - 1});
  state_.nodes.set_free(std::move(free_numbers_));
  count_names();
  check_reachable();
  check_xattr_values();
  check_links();
  claim_group_metadata();
  claims_.check(state_.space.free());
  end_orphans();
}

void Loader::load_group(std::uint32_t group) {
  const Volume& volume = state_.image->volume;
  const GroupDescriptor facts = decode_descriptor(volume, group, state_.image->descriptor(group));
  const std::uint32_t first_ino = group * volume.inodes_per_group + 1;
  if (!facts.inode_bitmap_written) {
    const std::uint32_t first = std::max(first_ino, first_free_ino);
    const std::uint32_t end = first_ino + volume.inodes_per_group;
    if (first < end) free_numbers_.insert({first, end - first});
    return;
  }
  std::array<std::byte, block_size> bitmap;
  state_.device.read_at(facts.inode_bitmap * block_size, bitmap);
  check_inode_bitmap(volume, group, facts, bitmap);
  const std::uint32_t used = volume.inodes_per_group - facts.unused_inodes;
  std::uint32_t free_from = 0;
  for (std::uint32_t index = 0; index <= volume.inodes_per_group; ++index) {
    const bool end = index == volume.inodes_per_group;
    if (!end && !bit_of(bitmap, index)) continue;
    if (!end && index >= used) {
      throw_corrupt({first_ino + index, 0}, "in use, but in a part of the table never used");
    }
    const std::uint32_t first = std::max(first_ino + free_from, first_free_ino);
    if (first < first_ino + index) free_numbers_.insert({first, first_ino + index - first});
    free_from = index + 1;
  }
  load_table(facts, first_ino, used, bitmap);
}

void Loader::load_table(const GroupDescriptor& facts, std::uint32_t first_ino, std::uint32_t count,
                        std::span<const std::byte> bitmap) {
  const Volume& volume = state_.image->volume;
  std::vector<std::byte> records;
  for (std::uint32_t first = 0; first < count; first += records_at_once) {
    const std::uint32_t end = std::min(first + records_at_once, count);
    records.resize(std::size_t{end - first} * inode_size);
    state_.device.read_at(facts.inode_table * block_size + std::uint64_t{first} * inode_size,
                          records);
    for (std::uint32_t index = first; index < end; ++index) {
      const std::uint32_t ino = first_ino + index;
      const bool reserved = ino < first_free_ino && ino != root_ino && ino != volume.journal_ino;
      if (reserved || !bit_of(bitmap, index)) continue;
      load_inode(ino,
                 std::span(records).subspan(std::size_t{index - first} * inode_size, inode_size));
    }
  }
}

void Loader::load_inode(std::uint32_t ino, std::span<const std::byte> record) {
  const InodeRecord inode =
      decode_inode(state_.image->volume, ino, record, InodeUse::named_or_orphan);
  if (inode.has(inode_flag_inline_data)) throw_corrupt({ino, 0}, "data in the inode");
  Node& node = state_.nodes.claim(ino);
  node.type = inode.type;
  node.stored = true;
  node.same = true;
  node.set(inode.attributes);
  const auto deletion_time = load_le<std::uint32_t>(&record[20]);
  if (deletion_time != 0) deletion_times_[ino] = deletion_time;
  if (inode.links == 0) orphans_.push_back(ino);
  if (inode.has(inode_flag_ea_inode)) {
    node.xattr_value = true;
    if (inode.links > 0) value_owners_[ino] = load_le<std::uint32_t>(&record[36]);
  }
  // Names are counted later; what the record says must be the same.
  if (inode.links != 1) recorded_links_[ino] = inode.links;
  switch (inode.type) {
    case FileType::regular:
      load_file(inode, node);
      break;
    case FileType::directory:
      load_directory(inode, node);
      break;
    case FileType::symlink:
      load_symlink(inode, node);
      break;
    case FileType::character_device:
    case FileType::block_device:
      node.content = inode.device();
      break;
    case FileType::fifo:
    case FileType::socket:
      break;
  }
  if (!inode.xattr_area.empty() || inode.xattr_block != 0) load_xattrs(inode, node);
}

void Loader::load_file(const InodeRecord& inode, Node& node) {
  RegularFile file;
  file.size = inode.size;
  if (inode.size > max_file_blocks * block_size) {
    throw_corrupt({inode.ino, 0}, "a file of " + std::to_string(inode.size) + " bytes");
  }
  walk_file(
      source_, inode, 0,
      [&](const MappedBlocks& mapped) {
        if (std::uint64_t{mapped.logical} + mapped.length > max_file_blocks) {
          throw_corrupt({inode.ino, mapped.physical}, "a block behind the last that can be");
        }
        claims_.add(inode.ino, mapped.physical, mapped.length);
        const Extent extent{mapped.logical, static_cast<std::uint32_t>(mapped.physical),
                            mapped.length, mapped.unwritten};
        Extent* const last = file.extents.empty() ? nullptr : &file.extents.back();
        if (last != nullptr && last->logical_end() == extent.logical &&
            last->physical_end() == extent.physical && last->unwritten == extent.unwritten) {
          last->length += extent.length;
        } else {
          file.extents.push_back(extent);
        }
        return true;
      },
      [&](std::uint64_t block) { claims_.add(inode.ino, block, 1); });
  node.content = std::move(file);
}

void Loader::load_directory(const InodeRecord& inode, Node& node) {
  const Volume& volume = state_.image->volume;
  auto directory = std::make_unique<Directory>();
  walk_directory(source_, inode, [&](const DirectoryEntry& entry) {
    if (entry.name == ".") {
      if (entry.ino != inode.ino) throw_corrupt({inode.ino, 0}, "\".\" is another inode");
    } else if (entry.name == "..") {
      directory->parent = entry.ino;
    } else {
      if (directory->names.find(entry.name) != nullptr) {
        throw_corrupt({inode.ino, 0}, "a name is there twice");
      }
      directory->names.insert(state_.names, entry.name, entry.ino);
      directory->record_bytes += dirent_size(entry.name.size());
    }
    return true;
  });
  if (directory->record_bytes > max_directory_record_bytes()) {
    throw Error(Errc::unsupported, "ext4 image cannot be edited: inode " +
                                       std::to_string(inode.ino) + " is a folder of " +
                                       std::to_string(directory->names.size()) + " names");
  }
  walk_file(
      source_, inode, 0,
      [&](const MappedBlocks& mapped) {
        claims_.add(inode.ino, mapped.physical, mapped.length);
        return true;
      },
      [&](std::uint64_t block) { claims_.add(inode.ino, block, 1); });
  constexpr std::uint64_t most_spare_blocks = 15;
  if (!inode.has(inode_flag_index) && directory_blocks_bound(directory->record_bytes) == 1) {
    directory->spare_blocks =
        static_cast<std::uint32_t>(std::min(inode.size / volume.block_size - 1, most_spare_blocks));
  }
  node.content = std::move(directory);
  directories_.push_back(inode.ino);
}

void Loader::load_symlink(const InodeRecord& inode, Node& node) {
  node.content = Symlink{read_symlink(source_, inode)};
  walk_file(
      source_, inode, 0,
      [&](const MappedBlocks& mapped) {
        claims_.add(inode.ino, mapped.physical, mapped.length);
        return true;
      },
      [&](std::uint64_t block) { claims_.add(inode.ino, block, 1); });
}

void Loader::load_xattrs(const InodeRecord& inode, Node& node) {
  std::vector<Xattr> xattrs = read_xattrs(source_, inode);
  ValueReferences values = read_value_references(source_, inode);
  if (values.shared) {
    throw Error(Errc::unsupported,
                "ext4 image cannot be edited: inode " + std::to_string(inode.ino) +
                    " shares extended attributes with values in inodes of their own");
  }
  for (const std::uint32_t ino : values.inodes) ++value_users_[ino];
  if (inode.xattr_block != 0) {
    constexpr std::size_t count_at = 4;
    std::array<std::byte, 4> count;
    source_.read(inode.xattr_block, count_at, count);
    claims_.add_shared(inode.ino, inode.xattr_block, load_le<std::uint32_t>(count.data()));
  }
  if (xattrs.empty()) return;
  node.xattrs = XattrSet::listed(std::move(xattrs), std::move(values.inodes), values.blocks);
}

}  // namespace vmkit::ext4
