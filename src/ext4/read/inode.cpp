// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/inode.hpp"

#include <algorithm>
#include <cstring>

#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"
#include "ext4/format/times.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/group.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t classic_size = 128;
constexpr std::size_t record_checksum_low = 124;
constexpr std::size_t record_checksum_high = 130;
constexpr std::uint32_t last_nanosecond = 999'999'999;

std::uint16_t field16(std::span<const std::byte> record, std::size_t at) {
  return load_le<std::uint16_t>(&record[at]);
}
std::uint32_t field32(std::span<const std::byte> record, std::size_t at) {
  return load_le<std::uint32_t>(&record[at]);
}

std::optional<FileType> type_of_mode(std::uint16_t mode) {
  switch (mode & 0xf000) {
    case 0x1000:
      return FileType::fifo;
    case 0x2000:
      return FileType::character_device;
    case 0x4000:
      return FileType::directory;
    case 0x6000:
      return FileType::block_device;
    case 0x8000:
      return FileType::regular;
    case 0xa000:
      return FileType::symlink;
    case 0xc000:
      return FileType::socket;
    default:
      return std::nullopt;
  }
}

/// The end of the fields behind the first 128 bytes.
std::size_t fields_end(const Volume& volume, std::uint32_t ino, std::span<const std::byte> record) {
  if (volume.inode_size == classic_size) return classic_size;
  const std::size_t extra = field16(record, classic_size);
  if (extra % 4 != 0 || extra > volume.inode_size - classic_size) {
    throw_corrupt({ino, 0}, "i_extra_isize is " + std::to_string(extra) + " in a record of " +
                                std::to_string(volume.inode_size) + " bytes");
  }
  return classic_size + extra;
}

void check_record(const Volume& volume, const InodeRecord& inode, std::span<const std::byte> record,
                  std::size_t end) {
  if (!volume.checksums()) return;
  constexpr std::array<std::byte, 2> nothing{};
  const bool has_high = end >= record_checksum_high + 2;
  std::uint32_t crc = crc32c(inode.checksum_seed, record.first(record_checksum_low));
  crc = crc32c(crc, nothing);
  if (has_high) {
    const std::size_t after = record_checksum_low + 2;
    crc = crc32c(crc, record.subspan(after, record_checksum_high - after));
    crc = crc32c(crc32c(crc, nothing), record.subspan(record_checksum_high + 2));
  } else {
    crc = crc32c(crc, record.subspan(record_checksum_low + 2)) & 0xffff;
  }
  const std::uint32_t found =
      field16(record, record_checksum_low) |
      (has_high ? std::uint32_t{field16(record, record_checksum_high)} << 16 : 0);
  if (crc != found) throw_checksum({inode.ino, 0}, "the inode", crc, found);
}

Timestamp time_at(std::span<const std::byte> record, std::size_t end, std::size_t seconds,
                  std::size_t extra) {
  DiskTime time{field32(record, seconds), 0};
  if (end >= extra + 4) time.extra = field32(record, extra);
  Timestamp result = decode_time(time);
  result.nanoseconds = std::min(result.nanoseconds, last_nanosecond);
  return result;
}

void decode_sizes(const Volume& volume, InodeRecord& inode, std::span<const std::byte> record) {
  inode.size = field32(record, 4);
  const bool wide_size =
      inode.type == FileType::regular ||
      (inode.type == FileType::directory && volume.has_incompat(incompat::large_dir));
  if (wide_size) inode.size |= std::uint64_t{field32(record, 108)} << 32;
  if (inode.size > (max_file_blocks + 1) * volume.block_size) {
    throw_corrupt({inode.ino, 0},
                  "a size of " + std::to_string(inode.size) + " bytes, more than a file can have");
  }
  inode.sectors = field32(record, 28);
  if (volume.has_ro_compat(ro_compat::huge_file)) {
    inode.sectors |= std::uint64_t{field16(record, 116)} << 32;
    if (inode.has(inode_flag_huge_file)) inode.sectors *= volume.block_size / 512;
  }
  inode.xattr_block = field32(record, 104);
  if (volume.has_incompat(incompat::has_64bit)) {
    inode.xattr_block |= std::uint64_t{field16(record, 118)} << 32;
  }
}

}  // namespace

DeviceNumber InodeRecord::device() const {
  if (type != FileType::character_device && type != FileType::block_device) return {};
  const auto old_code = load_le<std::uint32_t>(&block[0]);
  if (old_code != 0) return {(old_code >> 8) & 0xff, old_code & 0xff};
  const auto code = load_le<std::uint32_t>(&block[4]);
  return {(code >> 8) & 0xfff, (code & 0xff) | ((code >> 12) & 0xfff00)};
}

bool InodeRecord::fast_symlink() const {
  return type == FileType::symlink && !has(inode_flag_inline_data) && size < block.size();
}

bool inode_used(std::span<const std::byte> record) {
  return field16(record, 0) != 0 && field16(record, 26) != 0;
}

InodeRecord decode_inode(const Volume& volume, std::uint32_t ino, std::span<const std::byte> record,
                         InodeUse use) {
  record = record.first(volume.inode_size);
  const Place place{ino, 0};
  InodeRecord inode;
  inode.ino = ino;
  inode.generation = field32(record, 100);
  inode.checksum_seed = crc32c_le32(crc32c_le32(volume.checksum_seed, ino), inode.generation);
  const std::uint16_t mode = field16(record, 0);
  inode.links = field16(record, 26);
  if (mode == 0 || (inode.links == 0 && use == InodeUse::named))
    throw_corrupt(place, "named, but not in use");
  const std::size_t end = fields_end(volume, ino, record);
  check_record(volume, inode, record, end);
  const auto type = type_of_mode(mode);
  if (!type) throw_corrupt(place, "its mode " + std::to_string(mode) + " is of no known type");
  inode.type = *type;
  inode.flags = field32(record, 32);
  inode.attributes.permissions = mode & 07777;
  inode.attributes.uid = field16(record, 2) | std::uint32_t{field16(record, 120)} << 16;
  inode.attributes.gid = field16(record, 24) | std::uint32_t{field16(record, 122)} << 16;
  inode.attributes.atime = time_at(record, end, 8, 140);
  inode.attributes.ctime = time_at(record, end, 12, 132);
  inode.attributes.mtime = time_at(record, end, 16, 136);
  if (end >= 152) inode.created = time_at(record, end, 144, 148);
  decode_sizes(volume, inode, record);
  std::memcpy(inode.block.data(), &record[40], inode.block.size());
  if (volume.inode_size > classic_size) inode.xattr_area = record.subspan(end);
  return inode;
}

InodeRecord read_inode(BlockSource& source, std::uint32_t ino,
                       std::span<std::byte, largest_block> record) {
  const Volume& volume = source.volume();
  const std::uint32_t group = (ino - 1) / volume.inodes_per_group;
  const std::uint32_t index = (ino - 1) % volume.inodes_per_group;
  const GroupDescriptor facts = read_descriptor(source, group);
  if (!facts.inode_bitmap_written || index >= volume.inodes_per_group - facts.unused_inodes) {
    throw_corrupt({ino, 0}, "named, but in a part of the inode table that was never used");
  }
  const std::uint64_t offset = std::uint64_t{index} * volume.inode_size;
  source.read(facts.inode_table + offset / volume.block_size,
              static_cast<std::size_t>(offset % volume.block_size),
              record.first(volume.inode_size));
  return decode_inode(volume, ino, record);
}

}  // namespace vmkit::ext4
