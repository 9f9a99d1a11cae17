// SPDX-License-Identifier: Apache-2.0
#include "fuzz/ext4_image.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "ext4/format/crc32c.hpp"
#include "ext4/read/group.hpp"
#include "ext4/read/volume.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::fuzz {
namespace {

constexpr std::size_t largest_image = 1 << 20;
constexpr std::size_t image_step = 1 << 16;

using Bytes = std::vector<std::byte>;

void mend_descriptor(const ext4::Volume& volume, std::uint32_t group, std::span<std::byte> bytes) {
  store_le(&bytes[0x1e], std::uint16_t{0});
  const std::uint32_t crc = ext4::crc32c(ext4::crc32c_le32(volume.checksum_seed, group), bytes);
  store_le(&bytes[0x1e], static_cast<std::uint16_t>(crc));
}

void mend_inode(const ext4::Volume& volume, std::uint32_t ino, std::span<std::byte> record) {
  const bool long_record = record.size() > 128 && load_le<std::uint16_t>(&record[128]) >= 4;
  store_le(&record[124], std::uint16_t{0});
  if (long_record) store_le(&record[130], std::uint16_t{0});
  std::uint32_t crc = ext4::crc32c_le32(volume.checksum_seed, ino);
  crc = ext4::crc32c_le32(crc, load_le<std::uint32_t>(&record[100]));
  crc = ext4::crc32c(crc, record);
  store_le(&record[124], static_cast<std::uint16_t>(crc));
  if (long_record) store_le(&record[130], static_cast<std::uint16_t>(crc >> 16));
}

void mend_group(const ext4::Volume& volume, std::uint32_t group, Bytes& image) {
  const std::uint32_t in_block = volume.block_size / volume.descriptor_size;
  const std::uint64_t at = ext4::descriptor_block(volume, group) * volume.block_size +
                           std::uint64_t{group % in_block} * volume.descriptor_size;
  if (at + volume.descriptor_size > image.size()) return;
  const auto bytes = std::span(image).subspan(at, volume.descriptor_size);
  mend_descriptor(volume, group, bytes);
  const std::uint64_t table = load_le<std::uint32_t>(&bytes[8]) * std::uint64_t{volume.block_size};
  for (std::uint32_t i = 0; i < volume.inodes_per_group; ++i) {
    const std::uint64_t where = table + std::uint64_t{i} * volume.inode_size;
    if (where + volume.inode_size > image.size()) break;
    const auto record = std::span(image).subspan(where, volume.inode_size);
    if (record[0] == std::byte{} && record[1] == std::byte{}) continue;
    mend_inode(volume, group * volume.inodes_per_group + i + 1, record);
  }
}

}  // namespace

void make_image(std::string_view input, test::MemoryBlockDevice& device) {
  Bytes image;
  const auto bytes = std::as_bytes(std::span(input.data(), input.size()));
  for (std::size_t at = 0; bytes.size() - at >= 5;) {
    const std::size_t where = std::size_t{load_le<std::uint16_t>(&bytes[at])} * 16;
    const auto length = load_le<std::uint16_t>(&bytes[at + 2]);
    const bool run = (length & 0x8000) != 0;
    at += 4;
    const std::size_t size = std::min<std::size_t>(length & 0x7fff, largest_image - where);
    if (image.size() < where + size) image.resize(where + size);
    const std::size_t given = run ? 1 : std::min(size, bytes.size() - at);
    const auto target = image.begin() + static_cast<std::ptrdiff_t>(where);
    if (run) {
      std::fill_n(target, size, bytes[at]);
    } else {
      std::copy_n(&bytes[at], given, target);
    }
    at += given;
  }
  image.resize(std::max<std::size_t>((image.size() + image_step - 1) / image_step, 1) * image_step);
  device.resize(ByteSize(image.size()));
  device.write_at(0, image);
}

void mend_checksums(test::MemoryBlockDevice& device) {
  Bytes image = device.bytes();
  const auto superblock =
      std::span(image).subspan(ext4::superblock_offset).first<ext4::superblock_size>();
  ext4::address_superblock(superblock, load_le<std::uint16_t>(&superblock[0x5a]));
  try {
    const ext4::Volume volume = ext4::decode_superblock(superblock, ByteSize(image.size()));
    if (volume.checksums()) {
      for (std::uint32_t group = 0; group < std::min<std::uint32_t>(volume.groups, 64); ++group) {
        mend_group(volume, group, image);
      }
    }
  } catch (const Error&) {
    // Then nothing else would be looked at.
  }
  device.write_at(0, image);
}

}  // namespace vmkit::fuzz
