// SPDX-License-Identifier: Apache-2.0
#include "ext4/read/xattr_area.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "ext4/format/acl.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/xattrs.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/file_data.hpp"

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t area_entry_head = 16;
constexpr std::size_t area_end_mark = 4;
constexpr std::size_t area_block_header = 32;
constexpr std::uint32_t largest_value = 65536;

/// Entries from `first` on, up to four zero bytes; their values count from `base`.
void parse_entries(const Volume& volume, const Place& place, std::span<const std::byte> area,
                   std::size_t first, std::size_t base, const XattrVisitor& visit) {
  const auto corrupt = [&](const std::string& what) {
    throw_corrupt(place, "extended attributes: " + what);
  };
  for (std::size_t at = first;;) {
    if (at + area_end_mark > area.size()) corrupt("no end");
    if (load_le<std::uint32_t>(&area[at]) == 0) return;
    if (area.size() - at < area_entry_head) corrupt("an entry beyond their end");
    XattrEntry entry;
    const std::size_t name_length = static_cast<std::size_t>(area[at]);
    if (area.size() - at - area_entry_head < name_length) corrupt("a name beyond their end");
    entry.prefix = static_cast<std::uint8_t>(area[at + 1]);
    entry.name = {reinterpret_cast<const char*>(&area[at]) + area_entry_head, name_length};
    entry.value_ino = load_le<std::uint32_t>(&area[at + 4]);
    entry.value_size = load_le<std::uint32_t>(&area[at + 8]);
    if (entry.value_size > largest_value) {
      corrupt("a value of " + std::to_string(entry.value_size) + " bytes, at most 65536 can be");
    }
    if (entry.value_ino == 0 && entry.value_size > 0) {
      const std::size_t start = base + load_le<std::uint16_t>(&area[at + 2]);
      if (start > area.size() || entry.value_size > area.size() - start) {
        corrupt("a value beyond their end");
      }
      entry.value = area.subspan(start, entry.value_size);
    } else if (entry.value_ino > volume.inodes) {
      corrupt("a value in inode " + std::to_string(entry.value_ino) + " of " +
              std::to_string(volume.inodes));
    }
    visit(entry);
    at += (area_entry_head + name_length + 3) & ~std::size_t{3};
  }
}

std::string value_in_inode(BlockSource& source, const InodeRecord& owner, const XattrEntry& entry) {
  std::array<std::byte, largest_block> record;
  const InodeRecord inode = read_inode(source, entry.value_ino, record);
  const Place place{entry.value_ino, 0};
  if (!inode.has(inode_flag_ea_inode) || inode.type != FileType::regular ||
      inode.size != entry.value_size) {
    throw_corrupt(place, "does not hold the " + std::to_string(entry.value_size) +
                             " bytes of an extended attribute of inode " +
                             std::to_string(owner.ino));
  }
  std::string value(entry.value_size, '\0');
  const auto bytes = std::as_writable_bytes(std::span(value));
  read_file(source, inode, 0, bytes);
  const std::uint32_t expected = crc32c(source.volume().checksum_seed, bytes);
  const auto found = static_cast<std::uint32_t>(inode.attributes.atime.seconds);
  if (expected != found) throw_checksum(place, "an extended attribute's value", expected, found);
  return value;
}

Xattr to_xattr(BlockSource& source, const InodeRecord& inode, const XattrEntry& entry) {
  const Place place{inode.ino, 0};
  const auto prefix = xattr_prefix(entry.prefix);
  if (!prefix || prefix->whole != entry.name.empty() ||
      entry.name.find('\0') != std::string_view::npos) {
    throw_corrupt(place, "an extended attribute with prefix " + std::to_string(entry.prefix) +
                             " and a name of " + std::to_string(entry.name.size()) + " bytes");
  }
  Xattr result{std::string(prefix->text) + std::string(entry.name), {}};
  if (entry.value_ino != 0) {
    result.value = value_in_inode(source, inode, entry);
  } else {
    result.value.assign(reinterpret_cast<const char*>(entry.value.data()), entry.value.size());
  }
  if (!prefix->acl) return result;
  auto acl = acl_from_disk(result.value);
  if (!acl) throw_corrupt(place, result.name + ": its value is no POSIX ACL");
  result.value = std::move(*acl);
  return result;
}

}  // namespace

bool XattrEntry::is_inline_data() const {
  const auto known = xattr_prefix(prefix);
  return known && known->text == "system." && name == "data";
}

void parse_inode_xattrs(const Volume& volume, const InodeRecord& inode, const XattrVisitor& visit) {
  constexpr std::size_t magic_size = 4;
  const auto area = inode.xattr_area;
  if (area.size() < magic_size || load_le<std::uint32_t>(area.data()) != xattr_magic) return;
  parse_entries(volume, {inode.ino, 0}, area, magic_size, magic_size, visit);
}

void parse_xattr_block(const Volume& volume, const InodeRecord& inode, std::uint64_t number,
                       std::span<const std::byte> block, const XattrVisitor& visit) {
  constexpr std::size_t block_checksum_at = 16;
  const Place place{inode.ino, number};
  if (load_le<std::uint32_t>(&block[0]) != xattr_magic || load_le<std::uint32_t>(&block[8]) != 1) {
    throw_corrupt(place, "no extended attributes where they should be");
  }
  if (volume.checksums()) {
    constexpr std::array<std::byte, 4> nothing{};
    std::array<std::byte, 8> where;
    store_le(where.data(), number);
    std::uint32_t expected = crc32c(volume.checksum_seed, where);
    expected = crc32c(crc32c(expected, block.first(block_checksum_at)), nothing);
    expected = crc32c(expected, block.subspan(block_checksum_at + 4));
    const auto found = load_le<std::uint32_t>(&block[block_checksum_at]);
    if (expected != found) throw_checksum(place, "extended attributes", expected, found);
  }
  parse_entries(volume, place, block, area_block_header, 0, visit);
}

std::vector<Xattr> read_xattrs(BlockSource& source, const InodeRecord& inode) {
  const Volume& volume = source.volume();
  std::vector<Xattr> xattrs;
  const XattrVisitor add = [&](const XattrEntry& entry) {
    if (!entry.is_inline_data()) xattrs.push_back(to_xattr(source, inode, entry));
  };
  parse_inode_xattrs(volume, inode, add);
  if (inode.xattr_block != 0) {
    if (!volume.holds(inode.xattr_block, 1)) {
      throw_corrupt({inode.ino, inode.xattr_block},
                    "extended attributes: their block is not within the image");
    }
    std::array<std::byte, largest_block> buffer;
    const auto block = std::span(buffer).first(volume.block_size);
    source.read(inode.xattr_block, block);
    parse_xattr_block(volume, inode, inode.xattr_block, block, add);
  }
  std::sort(xattrs.begin(), xattrs.end());
  const auto twice =
      std::adjacent_find(xattrs.begin(), xattrs.end(),
                         [](const Xattr& a, const Xattr& b) { return a.name == b.name; });
  if (twice != xattrs.end()) throw_corrupt({inode.ino, 0}, "an extended attribute is there twice");
  return xattrs;
}

}  // namespace vmkit::ext4
