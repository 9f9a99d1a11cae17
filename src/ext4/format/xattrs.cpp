// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/xattrs.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <tuple>

#include "ext4/format/acl.hpp"
#include "ext4/format/crc32c.hpp"
#include "ext4/format/format.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::size_t entry_head = 16;
constexpr std::size_t terminator = 4;
constexpr std::size_t body_header = 4;
constexpr std::size_t block_header = 32;
constexpr std::size_t body_room = inode_size - 128 - extra_isize - body_header - terminator;
constexpr std::size_t block_room = block_size - block_header - terminator;

// The longer names before the prefixes that they begin with.
constexpr std::array<XattrPrefix, 6> prefixes = {{{2, "system.posix_acl_access", true, true},
                                                  {3, "system.posix_acl_default", true, true},
                                                  {1, "user.", false, false},
                                                  {4, "trusted.", false, false},
                                                  {6, "security.", false, false},
                                                  {7, "system.", false, false}}};

std::size_t padded(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

/// For messages: names come from layers and may hold anything.
std::string shown_name(std::string_view name) {
  std::string text = "extended attribute \"";
  for (char c : name.substr(0, 64)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + '"';
}

std::uint32_t entry_hash(std::string_view name, std::span<const std::byte> padded_value) {
  std::uint32_t hash = 0;
  for (char c : name) hash = std::rotl(hash, 5) ^ static_cast<unsigned char>(c);
  for (std::size_t at = 0; at < padded_value.size(); at += 4) {
    hash = std::rotl(hash, 16) ^ load_le<std::uint32_t>(&padded_value[at]);
  }
  return hash;
}

}  // namespace

std::optional<XattrPrefix> xattr_prefix(std::uint8_t number) {
  const auto found = std::find_if(prefixes.begin(), prefixes.end(), [&](const XattrPrefix& prefix) {
    return prefix.number == number;
  });
  if (found == prefixes.end()) return std::nullopt;
  return *found;
}

std::size_t XattrSet::Entry::head_size() const {
  return entry_head + padded(name.size());
}
std::size_t XattrSet::Entry::value_size() const {
  return padded(value.size());
}

XattrSet::Entry XattrSet::to_entry(Xattr xattr) {
  for (const XattrPrefix& prefix : prefixes) {
    const bool fits = prefix.whole ? xattr.name == prefix.text
                                   : std::string_view(xattr.name).starts_with(prefix.text);
    if (!fits) continue;
    std::string rest = xattr.name.substr(prefix.text.size());
    if (!prefix.whole &&
        (rest.empty() || rest.size() > 255 || rest.find('\0') != std::string::npos)) {
      throw Error(
          Errc::invalid_argument,
          shown_name(xattr.name) + ": expected 1 to 255 bytes without NUL after the prefix");
    }
    // ext4 keeps the data of small files under this name; nobody else may.
    if (xattr.name == "system.data") break;
    if (prefix.acl) {
      auto value = acl_to_disk(xattr.value);
      if (!value) {
        throw Error(Errc::invalid_argument, shown_name(xattr.name) + ": its " +
                                                std::to_string(xattr.value.size()) +
                                                " bytes are no POSIX ACL of version 2");
      }
      return {prefix.number, std::move(rest), std::move(*value)};
    }
    return {prefix.number, std::move(rest), std::move(xattr.value)};
  }
  throw Error(Errc::unsupported, shown_name(xattr.name) +
                                     ": ext4 stores names in user, trusted, security and system "
                                     "only");
}

XattrSet::XattrSet(std::vector<Xattr> xattrs) {
  std::vector<Entry> entries;
  entries.reserve(xattrs.size());
  for (Xattr& xattr : xattrs) entries.push_back(to_entry(std::move(xattr)));
  const auto key = [](const Entry& entry) {
    return std::make_tuple(entry.prefix, entry.name.size(), std::string_view(entry.name));
  };
  std::sort(entries.begin(), entries.end(),
            [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
  const auto twice =
      std::adjacent_find(entries.begin(), entries.end(),
                         [&](const Entry& a, const Entry& b) { return key(a) == key(b); });
  if (twice != entries.end()) {
    throw Error(Errc::invalid_argument, shown_name(twice->name) + " is given twice");
  }
  std::size_t body_left = body_room;
  std::size_t block_used = 0;
  for (Entry& entry : entries) {
    if (entry.size() <= body_left) {
      body_left -= entry.size();
      in_inode_.push_back(std::move(entry));
    } else {
      block_used += entry.size();
      in_block_.push_back(std::move(entry));
    }
  }
  if (block_used > block_room) {
    throw Error(Errc::resource_exhausted,
                "extended attributes: " + std::to_string(block_used) +
                    " bytes beside the inode, but ext4 has one block with room for " +
                    std::to_string(block_room));
  }
}

std::unique_ptr<XattrSet> XattrSet::listed(std::vector<Xattr> xattrs) {
  std::unique_ptr<XattrSet> set(new XattrSet);
  for (Xattr& xattr : xattrs) set->in_inode_.push_back(to_entry(std::move(xattr)));
  return set;
}

std::vector<Xattr> XattrSet::to_xattrs() const {
  std::vector<Xattr> xattrs;
  xattrs.reserve(in_inode_.size() + in_block_.size());
  for (const auto* entries : {&in_inode_, &in_block_}) {
    for (const Entry& entry : *entries) {
      const auto prefix = xattr_prefix(entry.prefix);
      std::string value =
          prefix->acl ? acl_from_disk(entry.value).value_or(std::string()) : entry.value;
      xattrs.push_back({std::string(prefix->text) + entry.name, std::move(value)});
    }
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

/// Entries grow up from `first`, their values down from the end; offsets count from `base`.
void XattrSet::store(std::span<std::byte> area, std::size_t first, std::size_t base,
                     std::span<const Entry> entries, bool hashed) {
  std::size_t at = first;
  std::size_t value_end = area.size();
  for (const Entry& entry : entries) {
    value_end -= entry.value_size();
    std::memcpy(area.data() + value_end, entry.value.data(), entry.value.size());
    area[at] = static_cast<std::byte>(entry.name.size());
    area[at + 1] = std::byte{entry.prefix};
    const std::size_t offset = entry.value.empty() ? 0 : value_end - base;
    store_le(&area[at + 2], static_cast<std::uint16_t>(offset));
    store_le(&area[at + 8], static_cast<std::uint32_t>(entry.value.size()));
    if (hashed) {
      store_le(&area[at + 12], entry_hash(entry.name, area.subspan(value_end, entry.value_size())));
    }
    std::memcpy(&area[at + entry_head], entry.name.data(), entry.name.size());
    at += entry.head_size();
  }
}

void XattrSet::store_in_inode(std::span<std::byte> area) const {
  if (in_inode_.empty()) return;
  store_le(area.data(), xattr_magic);
  store(area, body_header, body_header, in_inode_, false);
}

void XattrSet::store_in_block(std::span<std::byte> block, std::uint64_t number,
                              std::uint32_t file_system_seed) const {
  store_le(&block[0], xattr_magic);
  store_le(&block[4], std::uint32_t{1});  // one inode refers to it
  store_le(&block[8], std::uint32_t{1});  // one block
  store(block, block_header, 0, in_block_, true);
  std::uint32_t hash = 0;
  std::size_t at = block_header;
  for (const Entry& entry : in_block_) {
    const auto one = load_le<std::uint32_t>(&block[at + 12]);
    if (one == 0) {  // such a block is never shared
      hash = 0;
      break;
    }
    hash = std::rotl(hash, 16) ^ one;
    at += entry.head_size();
  }
  store_le(&block[12], hash);
  std::array<std::byte, 8> place;
  store_le(place.data(), number);
  store_le(&block[16], crc32c(crc32c(file_system_seed, place), block));
}

}  // namespace vmkit::ext4
