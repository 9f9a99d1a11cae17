// SPDX-License-Identifier: Apache-2.0
#include "archive/acl.hpp"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include <vmkit/base/byte_order.hpp>

namespace vmkit::archive {
namespace {

constexpr std::uint32_t xattr_version = 2;
constexpr std::uint32_t no_id = 0xFFFFFFFF;

struct AclEntry {
  std::uint16_t tag;
  std::uint32_t id;
  std::uint16_t permissions;

  bool operator<(const AclEntry& other) const {
    return std::tie(tag, id) < std::tie(other.tag, other.id);
  }
};

/// The kernel's tag, 0 for what POSIX ACLs do not have. Its order is the order they are stored in.
std::uint16_t kernel_tag(int tag) {
  switch (tag) {
    case ARCHIVE_ENTRY_ACL_USER_OBJ:
      return 0x01;
    case ARCHIVE_ENTRY_ACL_USER:
      return 0x02;
    case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
      return 0x04;
    case ARCHIVE_ENTRY_ACL_GROUP:
      return 0x08;
    case ARCHIVE_ENTRY_ACL_MASK:
      return 0x10;
    case ARCHIVE_ENTRY_ACL_OTHER:
      return 0x20;
    default:
      return 0;
  }
}

template <class T>
void append(std::string& text, T value) {
  std::array<std::byte, sizeof value> bytes;
  store_le(bytes.data(), value);
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

std::optional<std::string> encode_acl(::archive_entry* entry, int type) {
  if ((archive_entry_acl_types(entry) & type) == 0) return std::nullopt;
  if (archive_entry_acl_reset(entry, type) == 0) return std::nullopt;
  std::vector<AclEntry> acl;
  int found_type = 0;
  int permset = 0;
  int tag = 0;
  int id = 0;
  const char* name = nullptr;
  while (archive_entry_acl_next(entry, type, &found_type, &permset, &tag, &id, &name) ==
         ARCHIVE_OK) {
    const std::uint16_t kernel = kernel_tag(tag);
    if (kernel == 0) return std::nullopt;
    const bool named = kernel == 0x02 || kernel == 0x08;
    if (named && id < 0) return std::nullopt;
    acl.push_back({kernel, named ? static_cast<std::uint32_t>(id) : no_id,
                   static_cast<std::uint16_t>(permset & 7)});
  }
  if (acl.empty()) return std::nullopt;
  std::sort(acl.begin(), acl.end());
  std::string encoded;
  append(encoded, xattr_version);
  for (const AclEntry& one : acl) {
    append(encoded, one.tag);
    append(encoded, one.permissions);
    append(encoded, one.id);
  }
  return encoded;
}

}  // namespace vmkit::archive
