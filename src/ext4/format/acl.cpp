// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/acl.hpp"

#include <cstddef>
#include <cstdint>

#include <vmkit/base/byte_order.hpp>

namespace vmkit::ext4 {
namespace {

constexpr std::uint32_t call_version = 2;
constexpr std::uint32_t disk_version = 1;
constexpr std::uint32_t no_id = 0xffffffff;
constexpr std::size_t header_size = 4;
constexpr std::size_t short_entry = 4;
constexpr std::size_t long_entry = 8;

enum class Kind { bad, without_id, with_id };

Kind kind_of(std::uint16_t tag) {
  switch (tag) {
    case 0x01:  // the owner
    case 0x04:  // the owning group
    case 0x10:  // the mask
    case 0x20:  // others
      return Kind::without_id;
    case 0x02:  // a user
    case 0x08:  // a group
      return Kind::with_id;
    default:
      return Kind::bad;
  }
}

template <typename T>
T load(std::string_view bytes, std::size_t offset) {
  return load_le<T>(reinterpret_cast<const std::byte*>(bytes.data() + offset));
}

template <typename T>
void append(std::string& bytes, T value) {
  const std::size_t offset = bytes.size();
  bytes.resize(offset + sizeof value);
  store_le(reinterpret_cast<std::byte*>(bytes.data() + offset), value);
}

}  // namespace

std::optional<std::string> acl_to_disk(std::string_view value) {
  if (value.size() < header_size || load<std::uint32_t>(value, 0) != call_version ||
      (value.size() - header_size) % long_entry != 0) {
    return std::nullopt;
  }
  std::string result;
  append(result, disk_version);
  for (std::size_t at = header_size; at < value.size(); at += long_entry) {
    const auto tag = load<std::uint16_t>(value, at);
    const Kind kind = kind_of(tag);
    if (kind == Kind::bad) return std::nullopt;
    append(result, tag);
    append(result, load<std::uint16_t>(value, at + 2));
    if (kind == Kind::with_id) append(result, load<std::uint32_t>(value, at + 4));
  }
  return result;
}

std::optional<std::string> acl_from_disk(std::string_view value) {
  if (value.size() < header_size || load<std::uint32_t>(value, 0) != disk_version) {
    return std::nullopt;
  }
  std::string result;
  append(result, call_version);
  std::size_t at = header_size;
  while (at < value.size()) {
    if (value.size() - at < short_entry) return std::nullopt;
    const auto tag = load<std::uint16_t>(value, at);
    const Kind kind = kind_of(tag);
    const std::size_t size = kind == Kind::with_id ? long_entry : short_entry;
    if (kind == Kind::bad || value.size() - at < size) return std::nullopt;
    append(result, tag);
    append(result, load<std::uint16_t>(value, at + 2));
    append(result, kind == Kind::with_id ? load<std::uint32_t>(value, at + 4) : no_id);
    at += size;
  }
  return result;
}

}  // namespace vmkit::ext4
